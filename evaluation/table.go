package evaluation

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Columns of anybody's tables, in any case of letters.
var (
	pathColumns      = []string{"path", "image", "image_path", "file", "filename", "name"}
	labelColumns     = []string{"label", "true", "target", "y_true"}
	predictedColumns = []string{"predicted", "prediction", "y_pred"}
	scorePrefixes    = []string{"prob_", "p_", "logit_"}
)

// TableOptions configures [ReadTable].
type TableOptions struct {
	Labels    io.Reader // table of path and label that replaces the labels; may be nil
	Logits    bool      // the numbers are logits: apply softmax
	Normalise bool      // divide each row of probabilities by its sum
}

// ReadTable reads predictions that any program wrote as CSV with a header. Columns may be in any order: a path (path,
// image, image_path, file, filename or name), a label (label, true, target or y_true) and a number a class. If columns
// begin with prob_, p_ or logit_, those are the classes, and other columns are not read; else every other column is a
// class. The columns predicted, prediction and y_pred are never read: the class of largest probability counts. Labels
// are class names or, if the first label is none, indices of classes from 0. Rows of probabilities must sum to 1 within
// 0.01 unless they are normalised. Errors name line and column. Beside the file's text a row takes 8 bytes a class and
// its path.
func ReadTable(r io.Reader, o TableOptions) (*Predictions, error) {
	if o.Logits && o.Normalise {
		return nil, fmt.Errorf("logits are made probabilities by softmax, which leaves nothing to normalise")
	}
	var labels map[string]string
	if o.Labels != nil {
		var err error
		if labels, err = readLabels(newReader(o.Labels)); err != nil {
			return nil, fmt.Errorf("labels: %w", err)
		}
	}
	t := table{in: newReader(r), labels: labels, options: o}
	p, err := t.read()
	if err != nil {
		return nil, fmt.Errorf("predictions: %w", err)
	}
	return p, nil
}

// A table is a CSV file that is being read.
type table struct {
	in          *csv.Reader
	options     TableOptions
	labels      map[string]string // by path; nil: the label column
	header      []string
	path, label int   // columns, -1 if there is none
	scores      []int // columns, by class
	classes     labelReader
}

func (t *table) read() (*Predictions, error) {
	header, err := readHeader(t.in)
	if err != nil {
		return nil, err
	}
	if err := t.readHeader(header); err != nil {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	t.in.ReuseRecord = true
	p := &Predictions{Classes: t.classes.names}
	var unlabelled mismatch
	for record, err := range records(t.in) {
		if err != nil {
			return nil, err
		}
		row, err := t.row(record, &unlabelled)
		if err != nil {
			return nil, err
		}
		p.Rows = append(p.Rows, row)
	}
	if err := unlabelled.err("the table of labels lacks images",
		"their paths must be written as in the predictions"); err != nil {
		return nil, err
	}
	return p, p.Check()
}

// readHeader finds the columns.
func (t *table) readHeader(header []string) error {
	t.header = slices.Clone(header)
	for i := range t.header {
		t.header[i] = strings.TrimSpace(t.header[i])
	}
	t.path, t.label = columnOf(t.header, pathColumns), columnOf(t.header, labelColumns)
	prefix := ""
	for _, s := range scorePrefixes {
		if slices.ContainsFunc(t.header, func(h string) bool { return strings.HasPrefix(h, s) }) {
			prefix = s
			break
		}
	}
	for i, name := range t.header {
		if i == t.path || i == t.label {
			continue
		}
		class, ok := strings.CutPrefix(name, prefix)
		if !ok || prefix == "" && slices.Contains(predictedColumns, strings.ToLower(name)) {
			continue
		}
		t.scores = append(t.scores, i)
		t.classes.names = append(t.classes.names, class)
	}
	if len(t.header) == 1 && strings.ContainsAny(t.header[0], ";\t") {
		return fmt.Errorf("%q is one column: columns must be separated by commas", t.header[0])
	}
	if err := checkClasses(t.classes.names); err != nil {
		return fmt.Errorf("%w; the columns are %q, of which a number a class stands in those called prob_CLASS or p_CLASS, "+
			"else in all but path, label and predicted", err, strings.Join(t.header, ","))
	}
	switch {
	case t.labels == nil && t.label < 0:
		return fmt.Errorf("no column of labels (%s) among %q; labels may come from a table of their own",
			strings.Join(labelColumns, ", "), strings.Join(t.header, ","))
	case t.labels != nil && t.path < 0:
		return fmt.Errorf("no column of paths (%s) among %q, by which to find the labels",
			strings.Join(pathColumns, ", "), strings.Join(t.header, ","))
	}
	return nil
}

// columnOf returns the column of the first of names that is there, or -1.
func columnOf(header, names []string) int {
	for _, name := range names {
		if i := slices.IndexFunc(header, func(h string) bool { return strings.EqualFold(h, name) }); i >= 0 {
			return i
		}
	}
	return -1
}

func (t *table) row(record []string, unlabelled *mismatch) (Prediction, error) {
	var row Prediction
	if t.path >= 0 {
		row.Path = strings.Clone(record[t.path]) // lets go of the record
	}
	where := func(i int) string { return cellName(t.in, i, t.header[i]) }
	label, labelled := "", true
	at := func() string { return where(t.label) }
	if t.labels != nil {
		at = func() string { return "the label of " + row.Path }
		if label, labelled = t.labels[row.Path]; !labelled {
			unlabelled.add("in the predictions alone", row.Path)
		}
	} else {
		label = record[t.label]
	}
	if labelled {
		var err error
		if row.Label, err = t.classes.read(strings.TrimSpace(label)); err != nil {
			return row, fmt.Errorf("%s: %w", at(), err)
		}
	}
	row.Probabilities = make([]float64, len(t.scores))
	for c, i := range t.scores {
		v, err := strconv.ParseFloat(strings.TrimSpace(record[i]), 64)
		if err != nil {
			return row, fmt.Errorf("%s: %q is not a number", where(i), record[i])
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return row, fmt.Errorf("%s: %v is not finite", where(i), v)
		}
		row.Probabilities[c] = v
	}
	if err := t.normalise(row.Probabilities); err != nil {
		line, _ := t.in.FieldPos(0)
		return row, fmt.Errorf("line %d (%s): %w", line, row.Path, err)
	}
	return row, nil
}

// normalise turns a row of numbers into probabilities, as the options say.
func (t *table) normalise(row []float64) error {
	if t.options.Logits {
		Softmax(row)
		return nil
	}
	var sum float64
	for c, v := range row {
		if v < 0 || v > maxProbability && !t.options.Normalise {
			return fmt.Errorf("%v of class %q is not a probability: if these are logits, say so (-logits)", v,
				t.classes.names[c])
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

// A labelReader turns labels into indices of classes. All of a table are names or all are indices; the first decides.
type labelReader struct {
	names   []string
	started bool
	number  bool
}

func (l *labelReader) read(text string) (int, error) {
	c := slices.Index(l.names, text)
	if !l.started {
		l.started, l.number = true, c < 0
	}
	switch {
	case !l.number && c < 0:
		return 0, fmt.Errorf("label %q is not a class; the classes are %s", text, strings.Join(l.names, ", "))
	case !l.number:
		return c, nil
	}
	c, err := strconv.Atoi(text)
	if err != nil || c < 0 || c >= len(l.names) {
		return 0, fmt.Errorf("label %q is neither a class (%s) nor an index from 0 to %d",
			text, strings.Join(l.names, ", "), len(l.names)-1)
	}
	return c, nil
}

// readLabels reads a table with a column of paths and one of labels.
func readLabels(in *csv.Reader) (map[string]string, error) {
	header, err := readHeader(in)
	if err != nil {
		return nil, err
	}
	path, label := columnOf(header, pathColumns), columnOf(header, append(slices.Clone(labelColumns), "class"))
	if path < 0 || label < 0 {
		return nil, fmt.Errorf("line 1: the header %q needs a column path and a column label", strings.Join(header, ","))
	}
	out := map[string]string{}
	for record, err := range records(in) {
		if err != nil {
			return nil, err
		}
		key, value := strings.Clone(record[path]), strings.Clone(record[label])
		if before, ok := out[key]; ok && before != value {
			return nil, fmt.Errorf("%s: %q was %q before and is %q", cellName(in, label, "label"), key, before, value)
		}
		out[key] = value
	}
	return out, nil
}
