package table

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"fovea/internal/naming"
	"fovea/internal/textfile"
)

// A LabelReader reads a table with a column of paths and one of labels.
type LabelReader struct {
	*Reader
	Attributes []string // those of [Attributes] that the table has
	Values     []string // of Attributes, in the row read last

	path, label int
	attributes  []int
}

// OpenLabels reads the header of a table of labels.
func OpenLabels(r io.Reader) (*LabelReader, error) {
	labels := append(slices.Clone(Labels), "class")
	t, err := NewReader(r, Options{Fits: func(header []string) bool {
		return Column(header, Paths) >= 0 && Column(header, labels) >= 0
	}})
	if err != nil {
		return nil, err
	}
	l := &LabelReader{Reader: t}
	if l.path, err = t.Only(Paths); err == nil {
		l.label, err = t.Only(labels)
	}
	if err == nil && (l.path < 0 || l.label < 0) {
		err = fmt.Errorf("the header %.300q needs a column path and a column label%s", strings.Join(t.Exact, ","), t.unnamed())
	}
	if err == nil {
		l.Attributes, l.attributes, err = t.FindAttributes(l.path, l.label)
	}
	if err != nil {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	return l, nil
}

// FindAttributes returns the names and the columns of [Attributes] in a header, without columns that hold something
// else. Two columns that may be the patient are an error, since intervals depend on it; of two that may be another
// attribute neither is read.
func (t *Reader) FindAttributes(others ...int) (names []string, columns []int, err error) {
	for _, usual := range Attributes {
		at, err := t.Only(usual)
		if err != nil && usual[0] == Attributes[0][0] {
			return nil, nil, err
		}
		if err == nil && at >= 0 && !slices.Contains(others, at) {
			names, columns = append(names, usual[0]), append(columns, at)
		}
	}
	return names, columns, nil
}

// Read returns the next path and label. The error is io.EOF behind the last.
func (l *LabelReader) Read() (path, label string, err error) {
	row, err := l.Reader.Read()
	if err != nil {
		return "", "", err
	}
	l.Values = nil
	for _, i := range l.attributes {
		l.Values = append(l.Values, strings.Clone(row[i]))
	}
	return strings.Clone(row[l.path]), strings.Clone(row[l.label]), nil // lets go of the rest of the row
}

// WhereLabel returns line, column and name of the label that was read last.
func (l *LabelReader) WhereLabel() string { return l.Where(l.label) }

// A LabelSet numbers the different labels of a table, to find their classes when all are known.
type LabelSet struct {
	texts   []string
	places  []string // where each stands first
	numbers map[string]int
}

// Add returns the number of a label, which stands at a place that Where tells.
func (l *LabelSet) Add(label string, where func() string) int {
	n, ok := l.numbers[label]
	if !ok {
		if l.numbers == nil {
			l.numbers = map[string]int{}
		}
		n = len(l.texts)
		label = strings.Clone(label)
		l.numbers[label] = n
		l.texts, l.places = append(l.texts, label), append(l.places, where())
	}
	return n
}

// Has reports whether a label was added, as it is or in another case of letters.
func (l *LabelSet) Has(label string) bool {
	return slices.ContainsFunc(l.texts, func(text string) bool {
		return strings.EqualFold(naming.Fold(text), naming.Fold(label))
	})
}

// Place returns where a label stands first.
func (l *LabelSet) Place(label string) string {
	for i, text := range l.texts {
		if naming.Fold(text) == label {
			return l.places[i]
		}
	}
	return ""
}

// integer matches an index, also as pandas and spreadsheets write it in a column of decimal numbers: 2.0, or 2,0.
var integer = regexp.MustCompile(`^(\d{1,9})(\.0*|,0{1,2})?$`)

func index(label string) (int, bool) {
	m := integer.FindStringSubmatch(strings.TrimSpace(label))
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return n, err == nil
}

// Classes returns the class of each label. All labels are names of classes, or all are indices from 0. Labels such as
// 1.0 may also be names that are numbers: 1. It is an error if they are both and the classes differ.
func (l *LabelSet) Classes(classes []string) ([]int, error) {
	names := naming.NewIndex(classes)
	out, err := l.find(classes, names)
	if out == nil && err == nil {
		err = l.wrong(classes, names)
	}
	return out, err
}

// Names returns the name of each label's class as [LabelSet.Classes] finds it. Where that finds none, names that are no
// class come as they are written.
func (l *LabelSet) Names(classes []string) ([]string, error) {
	names := naming.NewIndex(classes)
	numbers, err := l.find(classes, names)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(l.texts))
	for i, label := range l.texts {
		c, ok := names.Find(label)
		switch {
		case numbers != nil:
			out[i] = classes[numbers[i]]
		case ok:
			out[i] = classes[c]
		case Missing(label):
			return nil, fmt.Errorf("%s: the label is missing: %q", l.places[i], label)
		default:
			out[i] = naming.Fold(label)
		}
	}
	return out, nil
}

// find returns nil if the labels are neither all names nor all indices.
func (l *LabelSet) find(classes []string, names *naming.Index) ([]int, error) {
	byName, byIndex, byNumber := make([]int, len(l.texts)), make([]int, len(l.texts)), make([]int, len(l.texts))
	allNames, allIndices, allNumbers := true, true, true
	numbers := map[int]int{}
	for c, name := range classes {
		if n, ok := index(name); ok {
			numbers[n] = c
		}
	}
	for i, label := range l.texts {
		n, isIndex := index(label)
		var ok bool
		byName[i], ok = names.Find(label)
		allNames = allNames && ok
		byIndex[i] = n
		allIndices = allIndices && isIndex && n < len(classes)
		byNumber[i], ok = numbers[n]
		allNumbers = allNumbers && isIndex && ok
	}
	switch {
	case allNames:
		return byName, nil
	case allNumbers && allIndices:
		for i := range byIndex {
			if byIndex[i] != byNumber[i] {
				return nil, fmt.Errorf("%s: label %q may be the class %q or, as an index, the class %q: write the names of classes",
					l.places[i], l.texts[i], classes[byNumber[i]], classes[byIndex[i]])
			}
		}
		return byIndex, nil
	case allIndices:
		if !slices.Contains(byIndex, 0) {
			slog.Warn("labels are numbers, and none is 0: they count from 0, so that 1 is the second class",
				"first", l.texts[0], "counts_as", classes[byIndex[0]], "remedy", "write the names of classes")
		}
		return byIndex, nil
	case allNumbers:
		return byNumber, nil
	}
	return nil, nil
}

// wrong returns an error about the first label that does not go with the first one of all.
func (l *LabelSet) wrong(classes []string, names *naming.Index) error {
	_, named := names.Find(l.texts[0])
	for i, label := range l.texts {
		_, isName := names.Find(label)
		n, isIndex := index(label)
		switch {
		case isName:
			if named {
				continue
			}
			return fmt.Errorf("%s: label %q is a class, but the labels before it are indices", l.places[i], label)
		case Missing(label):
			return fmt.Errorf("%s: the label is missing: %q", l.places[i], label)
		case named:
			return fmt.Errorf("%s: label %.100s is not a class; the classes are %s", l.places[i], naming.Quote(label),
				naming.List(classes))
		case !isIndex || n >= len(classes):
			return fmt.Errorf("%s: label %.100s is neither a class (%s) nor an index from 0 to %d", l.places[i],
				naming.Quote(label), naming.List(classes), len(classes)-1)
		}
	}
	return fmt.Errorf("%s: label %q: some labels are names of classes, some are indices", l.places[0], l.texts[0])
}

// numbered matches a name behind a number, as in a table of classes.
var numbered = regexp.MustCompile(`^"?\d+"?[,;\t]`)

// maxNames limits the memory of the names of classes, in bytes. It is enough for 100,000.
const maxNames = 16 << 20

// Names reads a list with a name in each line, which may be in quotes if all are.
func Names(r io.Reader) ([]string, error) {
	lines, err := textfile.Lines(r, maxNames)
	if err != nil {
		return nil, err
	}
	var names []string
	quoted, counted := true, true
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" {
			names = append(names, line)
			quoted = quoted && len(line) > 1 && strings.Trim(line, `"`) == line[1:len(line)-1]
			counted = counted && numbered.MatchString(line)
		}
	}
	switch {
	case names == nil:
		return nil, errors.New("the file names no class")
	case textfile.NotData([]byte(names[0])) != nil:
		return nil, textfile.NotData([]byte(names[0]))
	case strings.HasPrefix(names[0], "PK\x03\x04"):
		return nil, errors.New("this is a workbook: save the names as a text, one in each line")
	case counted:
		return nil, fmt.Errorf("%.100q may be a name, or a number and a name: write only names, one in each line", names[0])
	case quoted:
		for i, name := range names {
			names[i] = name[1 : len(name)-1]
		}
	}
	return names, nil
}
