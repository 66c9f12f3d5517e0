package prepare

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"fovea/data"
)

// An Image is one labelled image file of a source.
type Image struct {
	Class   int    // index into Set.Classes
	Split   int    // Train, Val or Test
	Patient string // "" where the source names none
	Name    string // of its file in the class folder
	Source  string // path below the source, with slashes; an archive counts as a folder
	SHA256  string // of the file in the source, in hexadecimal

	attributes  []string // what a table tells beside the class, for images of one's own
	file        *file
	copies      []*file // of the same name and size elsewhere in the source
	official    bool    // whether the set's own test has it
	fingerprint data.Fingerprint
}

// finders find the images of the sets that come with tables. Those of the others are found by their folders.
var finders = map[string]func(*Set, *source) ([]*Image, error){
	"aptos2019": findAPTOS, "idrid": findIDRiD, "messidor2": findMESSIDOR2, "papila": findPAPILA,
}

// byFolder labels each image by the innermost folder or archive around it that has the name of a class. Where there is
// none, the letters at the start of the image's own name decide.
func byFolder(s *Set, src *source) ([]*Image, error) {
	type key struct {
		class int
		base  string
		size  int64
	}
	known := map[key]*Image{}
	var images []*Image
	var unlabelled problems
	for _, f := range src.images {
		class, ok := s.classOf(f)
		if !ok {
			unlabelled.add("%s", f.path)
			continue
		}
		k := key{class, strings.ToLower(f.base()), f.size}
		if known[k] != nil {
			known[k].copies = append(known[k].copies, f)
			continue
		}
		known[k] = &Image{Class: class, file: f}
		images = append(images, known[k])
	}
	if len(unlabelled) > 0 {
		return nil, fmt.Errorf("%d images lie in no folder of a class:\n%w\n"+
			"move them away, or their folders to where they belong; %s needs %s", len(unlabelled), unlabelled, s.Name, s.Needs)
	}
	return images, nil
}

func (s *Set) classOf(f *file) (class int, ok bool) {
	for _, folder := range slices.Backward(f.folders()) {
		if class, ok = s.class(folder); ok {
			return class, true
		}
	}
	return s.class(strings.TrimRight(f.stem(), " _-()0123456789"))
}

// A label is the entry of a table for one image.
type label struct {
	row
	image   string // name of its file; ending and case do not count
	class   string // the source's word for it
	patient string
}

// match returns the images of labels. It is an error if a label has no image, or an image has no label unless
// unlabelled has its stem.
func (s *Set) match(labels []label, files []*file, unlabelled map[string]bool) ([]*Image, error) {
	at := map[string][]*file{}
	for _, f := range files {
		at[f.stem()] = append(at[f.stem()], f)
	}
	var images []*Image
	var bad, without, unknown problems
	seen := map[string]string{}
	for _, l := range labels {
		name := stem(l.image)
		class, ok := s.class(withoutDecimals(l.class))
		found := at[name]
		switch {
		case seen[name] != "":
			bad.add("%s: the image %s is in %s already", l.where, l.image, seen[name])
		case !ok:
			bad.add("%s: the label of %s is %q, which is none of the set's", l.where, l.image, l.class)
		case len(found) == 0:
			without.add("%s: no image %s", l.where, l.image)
		case slices.ContainsFunc(found, func(f *file) bool { return f.size != found[0].size }):
			bad.add("%s: different images are named %s: %s, %s", l.where, l.image, found[0].path, found[1].path)
		default:
			images = append(images, &Image{Class: class, Patient: l.patient, file: found[0], copies: found[1:]})
		}
		seen[name] = l.where
	}
	for _, f := range files {
		if seen[f.stem()] == "" && !unlabelled[f.stem()] {
			unknown.add("%s", f.path)
		}
	}
	switch {
	case len(bad) > 0:
		return nil, fmt.Errorf("%d labels are wrong; get the table again, or mend it:\n%w", len(bad), bad)
	case len(without) > 0:
		return nil, fmt.Errorf("%d labels have no image; get the images again:\n%w", len(without), without)
	case len(unknown) > 0:
		return nil, fmt.Errorf("%d images have no label; move them away, or get the table again:\n%w", len(unknown), unknown)
	}
	return images, nil
}

// withoutDecimals turns 2.0, as spreadsheets write it, into 2.
func withoutDecimals(number string) string { return strings.TrimSuffix(number, ".0") }

func findAPTOS(s *Set, src *source) ([]*Image, error) {
	table, err := src.table("traincsv", "train.csv")
	if err != nil {
		return nil, err
	}
	labels, err := readLabels(table, "id_code", "diagnosis")
	if err != nil {
		return nil, err
	}
	return s.match(labels, filter(src.images, func(f *file) bool { return !f.within("testimages") }), nil)
}

func readLabels(table *file, image, class string) ([]label, error) {
	rows, err := readTable(table, image, class)
	if err != nil {
		return nil, err
	}
	labels := make([]label, len(rows))
	for i, r := range rows {
		labels[i] = label{row: r, image: r.cells[0], class: r.cells[1]}
	}
	return labels, nil
}

// findIDRiD finds the official training and test sets, in which images have the same names. The set's other parts, for
// segmentation and localization, may be in the source too.
func findIDRiD(s *Set, src *source) ([]*Image, error) {
	var images []*Image
	for _, part := range []struct {
		name, table string
		test        bool
	}{
		{"training", "a. IDRiD_Disease Grading_Training Labels.csv", false},
		{"testing", "b. IDRiD_Disease Grading_Testing Labels.csv", true},
	} {
		table, err := src.table(part.name+"labels", part.table)
		if err != nil {
			return nil, err
		}
		labels, err := readLabels(table, "Image name", "Retinopathy grade")
		if err != nil {
			return nil, err
		}
		found, err := s.match(labels, filter(src.images, func(f *file) bool {
			return f.within(part.name+"set") && !f.within("segmentation") && !f.within("localization")
		}), nil)
		if err != nil {
			return nil, fmt.Errorf("IDRiD's %s set: %w", part.name, err)
		}
		for _, img := range found {
			img.official = part.test
		}
		images = append(images, found...)
	}
	return images, nil
}

// findMESSIDOR2 leaves out the images that the graders called ungradable, whether the table lists them without a grade
// or not at all.
func findMESSIDOR2(s *Set, src *source) ([]*Image, error) {
	table, err := src.table("messidordata", "messidor_data.csv")
	if err != nil {
		return nil, err
	}
	labels, err := readLabels(table, "image_id", "adjudicated_dr_grade")
	if err != nil {
		return nil, err
	}
	patients, err := readPairs(src)
	if err != nil {
		return nil, err
	}
	graded := slices.DeleteFunc(labels, func(l label) bool { return l.class == "" })
	known := map[string]bool{}
	for i, l := range graded {
		known[stem(l.image)] = true
		graded[i].patient = patients[stem(l.image)]
	}
	ungraded := map[string]bool{}
	for _, f := range src.images {
		if !known[f.stem()] {
			ungraded[f.stem()] = true
		}
	}
	const ungradable = 4
	if len(ungraded) > ungradable {
		ungraded = nil // more than the set has: something is missing in the table
	}
	for _, name := range slices.Sorted(maps.Keys(ungraded)) {
		src.note("left out, has no grade: %s", name)
	}
	return s.match(graded, src.images, ungraded)
}

// readPairs returns the patient of each image, named after the left eye. Without a table of pairs it returns none.
func readPairs(src *source) (map[string]string, error) {
	table, err := src.table("messidor2csv", "messidor-2.csv")
	if errors.Is(err, errNoTable) {
		src.note("no messidor-2.csv in the source: the two eyes of a patient may be in different splits")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rows, err := readTable(table, "left", "right")
	if err != nil {
		return nil, err
	}
	patients := map[string]string{}
	for _, r := range rows {
		for _, eye := range r.cells {
			patients[stem(eye)] = stem(r.cells[0])
		}
	}
	return patients, nil
}

// findPAPILA reads a workbook for the right eyes and one for the left. Above the patients, whose numbers look like
// #002, stand up to three rows of headings.
func findPAPILA(s *Set, src *source) ([]*Image, error) {
	var labels []label
	for _, eye := range []string{"od", "os"} {
		found, err := src.table("patientdata"+eye, "patient_data_"+eye+".xlsx")
		if err != nil {
			return nil, err
		}
		rows, err := readRows(found)
		if err != nil {
			return nil, err
		}
		column := -1
		for _, cells := range rows {
			if i := slices.IndexFunc(cells, func(c string) bool { return plain(c) == "diagnosis" }); i >= 0 {
				column = i
			}
			if column < 0 || len(cells) == 0 || !isPatient(cells[0]) {
				continue
			}
			r, _ := pick(cells, []int{0, column})
			patient := strings.TrimPrefix(r.cells[0], "#")
			patient = strings.Repeat("0", max(0, 3-len(patient))) + patient
			r.where = path.Base(found.path) + ", patient " + r.cells[0]
			labels = append(labels, label{row: r, image: "RET" + patient + strings.ToUpper(eye) + ".jpg",
				class: r.cells[1], patient: patient})
		}
		if column < 0 {
			return nil, fmt.Errorf("%s has no column \"Diagnosis\": is it the official table?", found.path)
		}
	}
	return s.match(labels, filter(src.images, func(f *file) bool { return f.within("fundusimages") }), nil)
}

func isPatient(cell string) bool {
	number := strings.TrimPrefix(cell, "#")
	return number != "" && strings.Trim(number, "0123456789") == ""
}

// bySHA256 orders images by class and digest, so that neither the names of files nor their order in the source matter.
func bySHA256(a, b *Image) int {
	return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.SHA256, b.SHA256), cmp.Compare(a.Source, b.Source))
}
