package evaluation

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fovea/evaluation/lexicon"
	"fovea/internal/naming"
	"fovea/internal/runfiles"
)

// Said is what a user says about the meaning of classes. Its zero value leaves all to their names.
type Said struct {
	Order    []string // all classes, ascending; nil: unsaid
	Positive string   // the class that a task of two looks for; "": unsaid
	Ordered  string   // whether the classes are grades: "yes", "no" or "" for unsaid
}

// A Meaning is how classes are to be read. Numbers that depend on it are sensitivity, specificity and all others of a
// positive class, and kappa with weights.
type Meaning struct {
	Classes []string // in the order that they should have: of two the positive one last, grades ascending
	Ordered bool     // the classes are grades; false for two classes
	How     string   // a sentence that says how this was decided
	Unknown string   // a sentence that says which numbers depend on what nobody knows; "": all is known
}

// MeaningOf returns the meaning of classes, by what was said and, where nothing was, by their names. What cannot be
// known stays as it stands, and Unknown says so. Errors name the classes that said contradicts.
func MeaningOf(classes []string, said Said) (Meaning, error) {
	if err := checkClasses(classes); err != nil {
		return Meaning{}, err
	}
	m := Meaning{Classes: slices.Clone(classes)}
	if said.Order != nil {
		match := naming.Match(said.Order, classes)
		missing := naming.Unmatched(match, classes)
		if len(said.Order) != len(classes) || len(missing) > 0 {
			return m, fmt.Errorf("the order %.150q of the classes is not one of %.150q: it has to name each class once",
				said.Order, classes)
		}
		for i, c := range match {
			m.Classes[i] = classes[c]
		}
	}
	if !slices.Contains([]string{"", "yes", "no"}, said.Ordered) {
		return m, fmt.Errorf(`whether the classes are ordered is "yes" or "no", not %.100q`, said.Ordered)
	}
	if len(classes) == 2 {
		err := m.ofTwo(said)
		return m, err
	}
	if said.Positive != "" {
		return m, fmt.Errorf("the positive class %.100q was named, but there are %d classes: only one of two is positive",
			said.Positive, len(classes))
	}
	m.ofMany(said)
	return m, nil
}

// ofTwo finds the positive one of two classes.
func (m *Meaning) ofTwo(said Said) error {
	positive := -1
	switch {
	case said.Positive != "":
		i, ok := naming.NewIndex(m.Classes).Find(said.Positive)
		if !ok {
			return fmt.Errorf("the positive class %.100q is none of the classes %.150q", said.Positive, m.Classes)
		}
		if said.Order != nil && i != 1 {
			return fmt.Errorf("the positive class %.100q is the first in the order %.150q: of two classes the second is "+
				"positive", said.Positive, said.Order)
		}
		positive = i
		m.How = fmt.Sprintf("The positive class is %.100q, as stated.", m.Classes[i])
	case said.Order != nil:
		positive = 1
		m.How = fmt.Sprintf("The positive class is %.100q, the second in the order stated.", m.Classes[1])
		if byName, why := lexicon.Positive([2]string(m.Classes)); byName == 0 {
			m.Unknown = fmt.Sprintf("The names %.150q look as if %.100q were positive: %s. Sensitivity, specificity, PPV, NPV, "+
				"F1, average precision and operating points are those of %.100q; to change that, turn the order round.",
				m.Classes, m.Classes[0], why, m.Classes[1])
		}
	default:
		var why string
		if positive, why = lexicon.Positive([2]string(m.Classes)); positive >= 0 {
			m.How = fmt.Sprintf("The positive class is %.100q by the names %.150q: %s.", m.Classes[positive], m.Classes, why)
		}
	}
	if positive == 0 {
		slices.Reverse(m.Classes)
	}
	if positive < 0 {
		m.How = fmt.Sprintf("The positive class is %.100q, the second.", m.Classes[1])
		m.Unknown = fmt.Sprintf("The names %.150q do not tell which class is positive. Sensitivity, specificity, PPV, NPV, "+
			"F1, average precision and operating points are those of %.100q; name the right one with data.positive or "+
			"-positive.", m.Classes, m.Classes[1])
	}
	return nil
}

// ofMany finds whether more than two classes are grades.
func (m *Meaning) ofMany(said Said) {
	const how = `data.ordered = "yes" or "no" and data.classes, or with -ordered`
	grades, kind := lexicon.Grades(m.Classes)
	byName := make([]string, len(grades))
	for i, c := range grades {
		byName[i] = m.Classes[c]
	}
	// An order that was said may as well be descending.
	agrees := slices.Equal(m.Classes, byName)
	if !agrees && said.Order != nil {
		slices.Reverse(byName)
		agrees = slices.Equal(m.Classes, byName)
	}
	switch {
	case said.Ordered == "no":
		m.How = "The classes are not grades, as stated."
	case said.Ordered == "yes" && said.Order == nil && grades == nil:
		m.Ordered, m.How = true, "The classes are grades, as stated, in the order in which they stand: "+chain(m.Classes)
		m.Unknown = "The names do not tell the order of the grades. Kappa with weights and operating points depend on it; " +
			"say it with data.classes or -ordered."
	case said.Ordered == "yes" && said.Order != nil:
		m.Ordered, m.How = true, "The classes are grades, as stated: "+chain(m.Classes)
	case grades != nil && (said.Order == nil || agrees):
		if said.Order == nil {
			m.Classes = byName
		}
		m.Ordered, m.How = true, fmt.Sprintf("The classes are grades by their names (%s): %s", kind, chain(m.Classes))
	case grades != nil:
		m.How = "The classes stand in the order stated and are taken as unordered."
		m.Unknown = "The names look like grades, but stand in another order. Kappa with weights depends on it; say it with " +
			how + "."
	case lexicon.Conditions(m.Classes):
		m.How = "The classes are not grades: their names are those of different conditions."
	default:
		m.How = "The classes are taken as unordered."
		m.Unknown = "The names do not tell whether the classes are grades. If they are, kappa with weights belongs into " +
			"the headline; say it with " + how + "."
	}
}

// chain writes grades in ascending order as the end of a sentence.
func chain(classes []string) string {
	return fmt.Sprintf("%.250s.", strings.Join(classes, " < "))
}

// Arrange gives p the order of classes and the meaning of m, which must be one of the same classes.
func (p *Predictions) Arrange(m Meaning) error {
	numbers := naming.Match(p.Classes, m.Classes)
	if len(p.Classes) != len(m.Classes) || slices.Contains(numbers, -1) {
		return fmt.Errorf("the classes %.150q are not %.150q", p.Classes, m.Classes)
	}
	for i := range p.Rows {
		r := &p.Rows[i]
		moved := make([]float64, len(numbers))
		for c, v := range r.Probabilities {
			moved[numbers[c]] = v
		}
		r.Probabilities, r.Label = moved, numbers[r.Label]
	}
	p.Classes, p.Ordered = m.Classes, m.Ordered
	return nil
}

// Interpret arranges the predictions of a table at path as said says and, where nothing was said, as the measures
// beside a table of the program's own say, metrics_SPLIT.json for predictions_SPLIT.csv. Without those names decide.
func (p *Predictions) Interpret(path string, said Said) (Meaning, error) {
	m, ok := meaningBeside(path, p.Classes)
	if !ok || said.Order != nil || said.Positive != "" || said.Ordered != "" {
		var err error
		if m, err = MeaningOf(p.Classes, said); err != nil {
			return m, err
		}
	}
	return m, p.Arrange(m)
}

// meaningBeside returns the meaning that a run wrote beside its predictions, of the same classes.
func meaningBeside(path string, classes []string) (m Meaning, ok bool) {
	split, found := strings.CutPrefix(strings.TrimSuffix(filepath.Base(path), ".csv"), "predictions_")
	if !found {
		return m, false
	}
	beside := filepath.Join(filepath.Dir(path), runfiles.Measures(split))
	content, err := os.ReadFile(beside)
	if err != nil {
		return m, false
	}
	var told struct {
		Classes []string
		Ordered *bool // older files do not tell
	}
	if json.Unmarshal(content, &told) != nil || told.Ordered == nil || len(told.Classes) != len(classes) ||
		slices.Contains(naming.Match(classes, told.Classes), -1) {
		return m, false
	}
	m = Meaning{Classes: told.Classes, Ordered: *told.Ordered}
	switch {
	case len(classes) == 2:
		m.How = fmt.Sprintf("The positive class is %.100q, as %s says.", m.Classes[1], beside)
	case m.Ordered:
		m.How = fmt.Sprintf("The classes are grades, as %s says: %s", beside, chain(m.Classes))
	default:
		m.How = fmt.Sprintf("The classes are not grades, as %s says.", beside)
	}
	return m, true
}
