package evaluation

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"fovea/internal/naming"
	"fovea/internal/table"
)

// Columns of anybody's tables, in any case of letters, beside those of package table.
var (
	predictedColumns = []string{"predicted", "prediction", "y_pred"}
	scorePrefixes    = []string{"prob_", "p_", "logit_"}
	otherColumns     = slices.Concat(table.Paths, table.Labels, []string{"class", "index", "id", "x", "...1", "level_0"})
)

// TableOptions configures [ReadTable].
type TableOptions struct {
	Labels    io.Reader // table of path and label that replaces the labels; may be nil
	Logits    bool      // the numbers are logits: apply softmax
	Normalise bool      // divide each row of probabilities by its sum
}

// ReadTable reads predictions that any program wrote as a table with a header, a CSV file or a workbook in any form of
// [table.NewReader]. Columns may be in any order: a path (path, image, image_path, file, filename or name), a label
// (label, true, target or y_true) and a number a class. If columns begin with prob_, p_ or logit_, those are the
// classes, and other columns are not read; else every other column is a class. The columns predicted, prediction and
// y_pred are never read: the class of largest probability counts. Columns that tell the patient, eye, site, camera, sex
// or age of an image, under the names of [table.Attributes], become attributes, also those of a table of labels. In a
// table that begins with path, perhaps attributes, then label and predicted, as [WritePredictions] writes it, all
// columns behind are classes, whatever they are called.
//
// Labels are class names or, if none is one, indices of classes from 0. Rows of probabilities must sum to 1 within
// 0.01 unless they are normalised. Errors name line and column. A row takes 8 bytes a class and its path.
func ReadTable(r io.Reader, o TableOptions) (*Predictions, error) {
	if o.Logits && o.Normalise {
		return nil, fmt.Errorf("logits are made probabilities by softmax, which leaves nothing to normalise")
	}
	t := tableReader{options: o}
	if o.Labels != nil {
		if err := t.readLabels(o.Labels); err != nil {
			return nil, fmt.Errorf("labels: %w", err)
		}
	}
	p, err := t.read(r)
	if err != nil {
		return nil, fmt.Errorf("predictions: %w", err)
	}
	return p, nil
}

// A tableReader reads a table of predictions.
type tableReader struct {
	in          *table.Reader
	options     TableOptions
	given       *naming.Index // paths of the table of labels; nil: the label column counts
	givenLabels []string
	known       attributes // those of the table of labels, by row
	own         bool       // the table has the form of a run
	path, label int        // columns, -1 if there is none
	scores      []int      // columns, by class
	classes     []string
	labels      table.LabelSet
	attributes  attributes // of the table itself, by column
}

// attributes holds what a table tells beside labels, by column or as the values of each row.
type attributes struct {
	names   []string
	columns []int
	rows    [][]string
}

func (t *tableReader) read(r io.Reader) (*Predictions, error) {
	in, err := table.NewReader(r, table.Options{Fits: t.fits})
	if err != nil {
		return nil, err
	}
	t.in = in
	record, err := in.Read()
	if err := t.readHeader(record); err != nil {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	p := &Predictions{Classes: t.classes, Attributes: slices.Clone(t.known.names)}
	for _, name := range t.attributes.names {
		if !slices.Contains(t.known.names, name) {
			p.Attributes = append(p.Attributes, name)
		}
	}
	var unlabelled mismatch
	for ; err == nil; record, err = in.Read() {
		row, err := t.row(record, &unlabelled)
		if err != nil {
			return nil, cmp.Or(t.checkAttributes(), err)
		}
		p.Rows = append(p.Rows, row)
	}
	if err != io.EOF {
		return nil, err
	}
	if err := unlabelled.err("the table of labels lacks images",
		"their paths must be written as in the predictions"); err != nil {
		return nil, err
	}
	classes, err := t.labels.Classes(t.classes)
	if err != nil {
		return nil, err
	}
	if err := t.checkAttributes(); err != nil {
		return nil, err
	}
	used := make([]bool, len(t.classes))
	for i := range p.Rows {
		row := &p.Rows[i]
		row.Label = classes[row.Label]
		used[row.Label] = true
	}
	for c, name := range t.classes {
		// Without the check of sums a column of other numbers would pass for a class.
		if (t.options.Logits || t.options.Normalise) && !t.own && !used[c] && table.Column([]string{name}, otherColumns) == 0 {
			return nil, fmt.Errorf("the column %q may be a class, though no image has it, or something else: "+
				"call the columns of classes prob_CLASS or logit_CLASS, or remove this one", name)
		}
	}
	return p, p.Check()
}

func (t *tableReader) fits(header []string) bool {
	return table.Column(header, table.Labels) >= 0 || t.given != nil && table.Column(header, table.Paths) >= 0
}

// readHeader finds the columns. The first row, nil if there is none, decides between two readings.
func (t *tableReader) readHeader(first []string) (err error) {
	header := t.in.Header
	if t.path, err = t.in.Only(table.Paths); err != nil {
		return err
	}
	prefix := ""
	for _, s := range scorePrefixes {
		if slices.ContainsFunc(header, func(h string) bool { return strings.HasPrefix(h, s) }) {
			prefix = s
			break
		}
	}
	var own attributes
	if label := ownLabel(t.in.Exact); label > 0 && len(header)-label-len(resultColumns) > 1 {
		t.own, t.path, t.label = true, 0, label
		for i := 1; i < label; i++ {
			name := t.in.Exact[i]
			if what := attributeOf(name); (what == patientAttribute || what == eyeAttribute) && !slices.Contains(t.in.Exact, what) {
				name = what // somebody added the column
			}
			if name == "" || slices.Contains(own.names, name) {
				return fmt.Errorf("column %d is called %.100q: columns between path and label need names that differ", i+1, name)
			}
			own.names, own.columns = append(own.names, name), append(own.columns, i)
		}
		first := label + len(resultColumns)
		t.classes = t.in.Exact[first:]
		for i := range t.classes {
			t.scores = append(t.scores, first+i)
		}
		if prefix == "" {
			t.attributes = own
			return checkClasses(t.classes)
		}
	} else if t.label, err = t.in.Only(table.Labels); err != nil {
		return err
	}
	if t.attributes.names, t.attributes.columns, err = t.in.FindAttributes(t.path, t.label); err != nil {
		return err
	}
	end := len(header)
	if end > 3 && slices.Equal(t.in.Exact[:2], []string{"path", "predicted"}) && header[end-1] == "error" {
		end-- // the form of [fovea/inference.Table]
		if header[end-1] == "decision" && first != nil {
			if _, err := strconv.ParseFloat(first[end-1], 64); err != nil {
				end--
			}
		}
	}
	var scores []int
	var classes []string
	for i, name := range header[:end] {
		class, ok := strings.CutPrefix(name, prefix)
		if i == t.path || i == t.label || name == "" || !ok || prefix == "" &&
			(slices.Contains(predictedColumns, strings.ToLower(name)) || attributeOf(name) != "") {
			continue
		}
		scores, classes = append(scores, i), append(classes, class)
	}
	if t.own && first != nil {
		// A class of a run may begin with a prefix: its labels then do too.
		label := first[t.label]
		_, whole := naming.NewIndex(t.classes).Find(label)
		_, cut := naming.NewIndex(classes).Find(label)
		if whole && cut {
			return fmt.Errorf("the classes may be %.100q, or those called %s… alone, since both have the label %.100q: "+
				"rename columns", t.classes, prefix, label)
		}
		if whole {
			t.attributes = own
			return checkClasses(t.classes)
		}
	}
	t.own, t.scores, t.classes = false, scores, classes
	joined := strings.Join(header, ",")
	if err := checkClasses(t.classes); err != nil {
		return fmt.Errorf("%w; the columns are %.300q, of which a number a class stands in those called prob_CLASS or "+
			"p_CLASS, else in all but path, label and predicted", err, joined)
	}
	switch {
	case t.given == nil && t.label < 0:
		return fmt.Errorf("no column of labels (%s) among %.300q; labels may come from a table of their own",
			strings.Join(table.Labels, ", "), joined)
	case t.given != nil && t.path < 0:
		return fmt.Errorf("no column of paths (%s) among %.300q, by which to find the labels",
			strings.Join(table.Paths, ", "), joined)
	}
	return nil
}

// attributeOf returns the attribute that a column of this name holds, "" if none.
func attributeOf(column string) string {
	for _, names := range table.Attributes {
		if table.Column([]string{column}, names) == 0 {
			return names[0]
		}
	}
	return ""
}

// checkAttributes returns an error if a column that was taken for an attribute may be a class, because an image has its
// name as label.
func (t *tableReader) checkAttributes() error {
	if t.own {
		return nil
	}
	for _, name := range t.in.Header {
		if what := attributeOf(name); what != "" && t.labels.Has(name) {
			return fmt.Errorf("the column %.100q may be a class, since an image has this label, or tell the %s of each image: "+
				"call the columns of classes prob_CLASS", name, what)
		}
	}
	return nil
}

func (t *tableReader) row(record []string, unlabelled *mismatch) (Prediction, error) {
	var row Prediction
	if t.path >= 0 {
		row.Path = strings.Clone(record[t.path]) // lets go of the record
	} else if name := t.in.RowName; strings.Trim(name, "0123456789 ") != "" {
		return row, fmt.Errorf("%s: the first column has no name and holds %.100q: call it path if it has the paths of "+
			"the images, else remove it", t.in.Place(), name)
	}
	if t.given == nil {
		row.Label = t.labels.Add(record[t.label], func() string { return t.in.Where(t.label) })
	} else if i, ok := t.given.Find(row.Path); ok {
		row.Label = t.labels.Add(t.givenLabels[i], func() string { return "the label of " + row.Path })
		row.Attributes = append(row.Attributes, t.known.rows[i]...)
	} else {
		unlabelled.add("in the predictions alone", row.Path)
	}
	for k, i := range t.attributes.columns {
		if !slices.Contains(t.known.names, t.attributes.names[k]) {
			row.Attributes = append(row.Attributes, strings.Clone(record[i]))
		}
	}
	row.Probabilities = make([]float64, len(t.scores))
	for c, i := range t.scores {
		v, err := t.in.Number(record[i])
		if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
			err = fmt.Errorf("%v is not finite", v)
		}
		if err != nil {
			return row, fmt.Errorf("%s: %w", t.in.Where(i), err)
		}
		row.Probabilities[c] = v
	}
	if err := t.normalise(row.Probabilities); err != nil {
		return row, fmt.Errorf("%s (%.300s): %w", t.in.Place(), row.Path, err)
	}
	return row, nil
}

// normalise turns a row of numbers into probabilities, as the options say.
func (t *tableReader) normalise(row []float64) error {
	if t.options.Logits {
		Softmax(row)
		return nil
	}
	var sum float64
	for c, v := range row {
		if v < 0 || v > maxProbability && !t.options.Normalise {
			return fmt.Errorf("%v of class %q is not a probability: if these are logits, say so (-logits)", v,
				t.classes[c])
		}
		sum += v
	}
	if t.options.Normalise {
		if sum == 0 {
			return fmt.Errorf("all numbers are 0, which cannot be normalised")
		}
		for c := range row {
			row[c] /= sum
		}
		return nil
	}
	if math.Abs(sum-1) > sumTolerance {
		return fmt.Errorf("the probabilities sum to %.6g, not 1: "+
			"if they only need to be divided by their sum, say so (-normalise)", sum)
	}
	return nil
}

// readLabels reads a table with a column of paths and one of labels.
func (t *tableReader) readLabels(r io.Reader) error {
	in, err := table.OpenLabels(r)
	if err != nil {
		return err
	}
	var paths []string
	before := map[string]string{}
	for {
		path, label, err := in.Read()
		if err == io.EOF {
			t.given, t.known.names = naming.NewIndex(paths), in.Attributes
			return nil
		}
		if err != nil {
			return err
		}
		if b, ok := before[path]; ok && b != label {
			return fmt.Errorf("%s: %.300q was %.100q before and is %.100q", in.WhereLabel(), path, b, label)
		}
		before[path] = label
		paths, t.givenLabels = append(paths, path), append(t.givenLabels, label)
		t.known.rows = append(t.known.rows, in.Values)
	}
}
