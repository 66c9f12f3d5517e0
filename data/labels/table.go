package labels

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

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

// A row is what is kept of one row of the table.
type row struct {
	place  string
	images []string
	labels []string
	split  string
	values []string
}

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
	files, err := newIndex(dir)
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

func (h *header) readRows(in *table.Reader, key string) ([]row, error) {
	var rows []row
	texts := map[string]string{} // so that a label or a camera is kept once
	spellings := make([]map[string]string, len(h.names))
	for i := range spellings {
		spellings[i] = map[string]string{}
	}
	keep := func(record []string, at []int) []string {
		out := make([]string, len(at))
		for i, c := range at {
			text, ok := texts[record[c]]
			if !ok {
				text = strings.Clone(record[c])
				texts[text] = text
			}
			out[i] = text
		}
		return out
	}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		r := row{place: in.Place(), labels: keep(record, h.label), values: keep(record, h.attributes)}
		for _, c := range h.image {
			r.images = append(r.images, strings.Clone(record[c]))
		}
		if h.split >= 0 {
			split, ok := splitOf(record[h.split])
			if !ok {
				return nil, fmt.Errorf("%s: %.100q is no split: write train, val or test, or leave the column out with "+
					"%s split=none", in.Where(h.split), record[h.split], key)
			}
			r.split = split
		}
		for i, v := range r.values {
			if r.values[i] = naming.Fold(v); table.Missing(v) {
				r.values[i] = ""
			}
			if h.names[i] == "patient" { // pandas writes 7.0 where another patient is missing
				r.values[i] = whole(r.values[i])
				continue
			}
			folded := strings.ToLower(r.values[i])
			if first, ok := spellings[i][folded]; ok { // "Male" and "male" are one group
				r.values[i] = first
			} else {
				spellings[i][folded] = r.values[i]
			}
		}
		rows = append(rows, r)
	}
	if rows == nil {
		return nil, errors.New("it has a header and no row: it labels no image")
	}
	return rows, nil
}

// chooseImage returns the column whose cells name image files, the file of each row, -1 for none, and how many files were
// found by number alone.
func (h *header) chooseImage(names []string, rows []row, files *index, key string) (column int, found []int, byNumber int, err error) {
	best := -1
	var ambiguous error
	consider := func(k, hits int, at []int) error {
		switch {
		case hits == 0:
		case best >= 0 && !slices.Equal(at, found):
			return fmt.Errorf("the columns %.100q and %.100q both name images, but not the same: say which with %s image=NAME",
				names[h.image[best]], names[h.image[k]], key)
		default:
			best, found = k, at
		}
		return nil
	}
	for k, c := range h.image {
		at := make([]int, len(rows))
		hits := 0
		var wrong error
		for i, r := range rows {
			if table.Missing(r.images[k]) {
				at[i] = -1
				continue
			}
			var e error
			if at[i], e = files.find(r.images[k]); e != nil && wrong == nil {
				wrong = fmt.Errorf("%s, column %.100q: %w", r.place, names[c], e)
			}
			if at[i] >= 0 {
				hits++
			}
		}
		if wrong != nil {
			ambiguous = wrong
		} else if err := consider(k, hits, at); err != nil {
			return 0, nil, 0, err
		}
	}
	if best >= 0 {
		return best, found, files.addByNumber(rows, best, found), nil
	}
	if ambiguous != nil {
		return 0, nil, 0, ambiguous
	}
	for k := range h.image {
		at := slices.Repeat([]int{-1}, len(rows))
		hits := files.addByNumber(rows, k, at)
		if err := consider(k, hits, at); err != nil {
			return 0, nil, 0, err
		}
		byNumber = max(byNumber, hits)
	}
	if best < 0 {
		first := rows[0].images[0]
		there := "there is none"
		if len(files.files) > 0 {
			there = "the first image there is " + files.files[0]
		}
		return 0, nil, 0, fmt.Errorf("no row names an image of %s: the first, %s, column %.100q, has %.300s; %.300s; another "+
			"column is named with %s image=NAME", files.dir, rows[0].place, names[h.image[0]], naming.Quote(first), there, key)
	}
	return best, found, byNumber, nil
}

func (h *header) describe(names []string, image int) string {
	text := fmt.Sprintf("image = %q", names[h.image[image]])
	add := func(what string, at []int) {
		var quoted []string
		for _, c := range at {
			quoted = append(quoted, strconv.Quote(names[c]))
		}
		text += fmt.Sprintf(", %s = %s", what, strings.Join(quoted, " and "))
	}
	add("label", h.label)
	if h.split >= 0 {
		add("split", []int{h.split})
	}
	for i, name := range h.names {
		add(name, h.attributes[i:i+1])
	}
	return text
}

// unread returns the names of the columns that hold nothing of what was looked for.
func (h *header) unread(names []string) (out []string) {
	for i, name := range names {
		if i != h.split && naming.Fold(name) != "" && !slices.Contains(slices.Concat(h.image, h.label, h.attributes), i) {
			out = append(out, name)
		}
	}
	return out
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

func isIndicator(cell string) bool {
	return slices.Contains([]string{"0", "1", "0.0", "1.0", "TRUE", "FALSE", "true", "false", "True", "False"}, strings.TrimSpace(cell))
}

// label returns the label of a row, "" if it is missing. Labels that may be indices of known classes stay as written.
func (r *row) label(names []string, at []int, indicators, asWritten bool) (string, error) {
	if slices.ContainsFunc(r.labels, table.Missing) {
		return "", nil
	}
	if !indicators {
		parts := make([]string, len(r.labels))
		for i, l := range r.labels {
			if parts[i] = naming.Fold(l); !asWritten {
				parts[i] = whole(parts[i])
			}
		}
		return strings.Join(parts, "+"), nil
	}
	var set []string
	for i, l := range r.labels {
		if strings.HasPrefix(strings.TrimSpace(l), "1") || strings.EqualFold(strings.TrimSpace(l), "true") {
			set = append(set, naming.Fold(names[at[i]]))
		}
	}
	switch len(set) {
	case 0:
		return "", nil
	case 1:
		return set[0], nil
	}
	return "", fmt.Errorf("%s: the columns %s are all 1, but an image has one class: merge them into a column of their own",
		r.place, naming.List(set))
}

// whole returns an integer that a program wrote as a decimal number, such as 2.0, without its fraction.
func whole(label string) string {
	if m := decimals.FindStringSubmatch(label); m != nil {
		return m[1]
	}
	return label
}

var decimals = regexp.MustCompile(`^(\d{1,15})[.,]0*$`)
