package labels

import (
	"fmt"
	"regexp"
	"slices"

	"fovea/data"
	"fovea/data/splits"
	"fovea/internal/naming"
	"fovea/internal/regular"
	"fovea/internal/table"
)

// Options says how [Open] reads a table.
type Options struct {
	Columns Columns
	Classes []string // known names, for labels that are indices of them; nil: labels are the names
	Key     string   // what the user calls Columns in messages: "data.columns" or "-columns"
}

// A Table holds the images that a table labels.
type Table struct {
	File string
	All  *data.Split // in the order of the table; classes are sorted

	Given   []string  // the split of each image by the table: "train", "val", "test" or "" for not said
	LeftOut []LeftOut // rows without an image or a label, then images without a row
	Rows    int       // of the table
	Read    string    // which columns were read, for the log
	Unread  []string  // the other columns

	decided []splits.Split // by Divide
}

// A LeftOut is a row or an image that is not used.
type LeftOut struct {
	Name, Place, Reason string
}

// Reasons of a LeftOut.
const (
	NoImage = "the image is missing"
	NoLabel = "the label is missing"
	NoRow   = "the table has no row for the image"
)

// Open lists the images below dir that a table labels, at any depth. A row without an image or a label and an image
// without a row are left out and listed. Errors name row and column.
func Open(file, dir string, o Options) (*Table, error) {
	t, err := open(file, dir, o)
	if err != nil {
		return nil, fmt.Errorf("reading labels: %s: %w", file, err)
	}
	return t, nil
}

func open(file, dir string, o Options) (*Table, error) {
	f, err := regular.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in, err := table.NewReader(f, table.Options{Fits: func(names []string) bool {
		_, err := readHeader(names, o.Columns, o.Key)
		return err == nil
	}})
	if err != nil {
		return nil, err
	}
	h, err := readHeader(in.Header, o.Columns, o.Key)
	if err != nil {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	rows, err := h.readRows(in, o.Key)
	if err != nil {
		return nil, err
	}
	files, err := newIndex(dir, rows)
	if err != nil {
		return nil, err
	}
	t := &Table{File: file, Rows: len(rows), All: &data.Split{Dir: dir, Attributes: h.names}}
	image, found, byNumber, err := h.chooseImage(in.Header, rows, files, o.Key)
	if err != nil {
		return nil, err
	}
	t.Read, t.Unread = h.describe(in.Header, image), h.unread(in.Header)
	if byNumber > 0 {
		t.Read += fmt.Sprintf(", %d images by number, as 7 names 007.png", byNumber)
	}
	return t, t.fill(h, in.Header, image, rows, found, files, o.Classes)
}

// fill sets the samples, the classes and what is left out.
func (t *Table) fill(h header, names []string, image int, rows []row, found []int, files *index, classes []string) error {
	var labels table.LabelSet
	before := map[int]string{} // place of the row of a file
	indicators := len(h.label) > 1 && !slices.ContainsFunc(rows, func(r row) bool {
		return slices.ContainsFunc(r.labels, func(l string) bool { return !table.Missing(l) && !isIndicator(l) })
	})
	for i, r := range rows {
		name := naming.Fold(r.images[image])
		place := func(column int) string { return fmt.Sprintf("%s, column %.100q", r.place, names[column]) }
		label, err := r.label(names, h.label, indicators, classes != nil)
		if err != nil {
			return err
		}
		switch {
		case found[i] < 0:
			t.LeftOut = append(t.LeftOut, LeftOut{name, r.place, NoImage})
			continue
		case before[found[i]] != "":
			return fmt.Errorf("%s: the image %.300s stands in %s already: keep one row for each image", place(h.image[image]),
				files.files[found[i]], before[found[i]])
		}
		before[found[i]] = r.place
		if label == "" {
			t.LeftOut = append(t.LeftOut, LeftOut{name, r.place, NoLabel})
			continue
		}
		t.All.Samples = append(t.All.Samples, data.Sample{Path: files.path(found[i]),
			Class: labels.Add(label, func() string { return place(h.label[0]) }), Row: len(t.All.Rows)})
		t.All.Rows = append(t.All.Rows, r.values)
		t.Given = append(t.Given, r.split)
	}
	for i, file := range files.files {
		if before[i] == "" {
			t.LeftOut = append(t.LeftOut, LeftOut{file, "", NoRow})
		}
	}
	if t.All.Samples == nil {
		return fmt.Errorf("no row with an image has a label in the column %.100q", names[h.label[0]])
	}
	return t.number(&labels, classes)
}

// number turns labels into classes.
func (t *Table) number(labels *table.LabelSet, classes []string) error {
	names, err := labels.Names(classes)
	if err != nil {
		return err
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(names)))
	if classes == nil {
		if err := t.checkClasses(labels, sorted); err != nil {
			return err
		}
	}
	t.All.Classes = sorted
	for i, s := range t.All.Samples {
		t.All.Samples[i].Class, _ = slices.BinarySearch(sorted, names[s.Class])
	}
	return nil
}

// checkClasses refuses labels that are not classes: spellings of one, and measurements.
func (t *Table) checkClasses(labels *table.LabelSet, classes []string) error {
	folded := map[string]string{}
	for _, c := range classes {
		p := plain(c)
		if other, ok := folded[p]; ok {
			return fmt.Errorf("the labels %s (%s) and %s (%s) look like one class: write one of them", naming.Quote(other),
				labels.Place(other), naming.Quote(c), labels.Place(c))
		}
		folded[p] = c
		switch {
		case fraction.MatchString(c):
			return fmt.Errorf("%s: the label %.100q is a measurement, not a class", labels.Place(c), c)
		case date.MatchString(c):
			return fmt.Errorf("%s: the label %.100q is a date, not a class", labels.Place(c), c)
		case formulaError.MatchString(c):
			return fmt.Errorf("%s: the label %.100q is the error of a formula: mend it or empty the cell", labels.Place(c), c)
		case !spoken.MatchString(c) && slices.ContainsFunc(classes, spoken.MatchString): // "+" and "-" are labels together
			return fmt.Errorf("%s: the label %.100q has no letter or digit: if it stands for an unknown one, empty the cell",
				labels.Place(c), c)
		}
	}
	if n := len(t.All.Samples); len(classes) > 20 && 2*len(classes) > n {
		return fmt.Errorf("the labels have %d values in %d rows, such as %s: this is no column of classes", len(classes), n,
			naming.List(classes[:3]))
	}
	return nil
}

var (
	fraction     = regexp.MustCompile(`^[+-]?\d*[.,]\d*[1-9]\d*$`) // a number that is not whole
	date         = regexp.MustCompile(`^(\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./](\d\d)?\d\d)([ T]\d\d?:\d\d.*)?$`)
	formulaError = regexp.MustCompile(`^#(REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|BEZUG!|WERT!|ZAHL!)$`)
	spoken       = regexp.MustCompile(`[\pL\pN]`)
)
