package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fovea/evaluation"
	"fovea/evaluation/figures"
	"fovea/evaluation/operating"
	"fovea/internal/runfiles"
)

// readByName reads a table of testdata/meaning, whose classes stand in the order of their names, as trainer eval does.
func readByName(t *testing.T, name string) (*evaluation.Predictions, evaluation.Meaning) {
	t.Helper()
	path := filepath.Join("testdata", "meaning", name+".csv")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := evaluation.ReadTable(f, evaluation.TableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.Interpret(path, evaluation.Said{})
	if err != nil {
		t.Fatal(err)
	}
	return p, m
}

func reportOf(test *Test) *Report {
	counts := make([]int, len(test.Predictions.Classes))
	return &Report{Name: "x", Subject: "x", Classes: test.Predictions.Classes, Test: test,
		Splits: []figures.Split{{Name: "test", Counts: counts}}}
}

// TestAlphabetIsNoTrap compares the clinical numbers of classes in the order of their names with those that
// tools/oracle/meaning.py has of scikit-learn, with pos_label and labels= as the names mean.
func TestAlphabetIsNoTrap(t *testing.T) {
	content, err := os.ReadFile("testdata/meaning/meaning.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]map[string]any
	if err := json.Unmarshal(content, &want); err != nil {
		t.Fatal(err)
	}
	for name, measures := range want {
		p, meaning := readByName(t, name)
		test := testOf(t, p)
		test.Meaning = meaning
		dir := t.TempDir()
		if err := test.WriteTables(dir); err != nil {
			t.Fatal(err)
		}
		got, err := ReadMeasures(filepath.Join(dir, runfiles.Measures("test")))
		if err != nil {
			t.Fatal(err)
		}
		page := written(t, reportOf(test))
		for measure, value := range measures {
			x, isNumber := value.(float64)
			switch m, ok := evaluation.Find(got.Assessment.Measures, measure); {
			case measure == "by_name":
				if m, _ := evaluation.Find(got.Assessment.Measures, "quadratic_kappa"); math.Abs(float64(m.Value)-x) < 0.1 {
					t.Errorf("%s: quadratic kappa %v is that of the names", name, m.Value)
				}
			case !isNumber:
				if got.Positive != value {
					t.Errorf("%s: the positive class is %q, want %v", name, got.Positive, value)
				}
			case !ok || math.Abs(float64(m.Value)-x) > 1e-9:
				t.Errorf("%s: %s is %v, want %v", name, measure, m.Value, x)
			default:
				holds(t, page, decimal(x))
			}
		}
		if ordered := name == "grades"; got.Ordered != ordered || strings.Contains(page, "Quadratic kappa") != ordered {
			t.Errorf("%s: ordered is %v, and the page speaks of quadratic kappa: %v", name, got.Ordered,
				strings.Contains(page, "Quadratic kappa"))
		}
		var text bytes.Buffer
		if err := got.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text.String(), "quadratic_kappa") != got.Ordered {
			t.Errorf("%s: %s", name, text.String())
		}
	}
	if p, _ := readByName(t, "grades"); strings.Join(p.Classes, " ") != "No_DR Mild Moderate Severe Proliferative" {
		t.Errorf("the grades are %q", p.Classes)
	}
}

var (
	rates  = regexp.MustCompile(`(?i)sensitiv|specific|recall`)
	number = regexp.MustCompile(`\d[.,]\d|\d %`)
	named  = regexp.MustCompile(`argmax|threshold|p ≥|probability of at least|probability is at least`)
	tables = regexp.MustCompile(`(?s)<table.*?</table>`)
	parts  = regexp.MustCompile(`(?s)<(p|li|tr|h3|figcaption)\b.*?</(p|li|tr|h3|figcaption)>`)
	tags   = regexp.MustCompile(`<[^>]*>`)
)

// TestRatesStandWithTheirThreshold looks at every row and sentence with a sensitivity or a specificity.
func TestRatesStandWithTheirThreshold(t *testing.T) {
	for _, name := range []string{"binary", "grades", "diseases", "binary with points", "grades with points"} {
		table, _, pointed := strings.Cut(name, " with ")
		p, meaning := readByName(t, table)
		p.Attributes = []string{"patient", "sex"}
		for i := range p.Rows {
			p.Rows[i].Attributes = []string{fmt.Sprint(i / 2), []string{"f", "m"}[i/2%2]}
		}
		by, err := evaluation.ParseGroupings([]string{"sex"})
		if err != nil {
			t.Fatal(err)
		}
		test, err := NewTest(t.Context(), "test", p, evaluation.Intervals{Rounds: 50}, evaluation.Breakdown{By: by})
		if err != nil || len(test.Assessment.Subgroups) != 1 {
			t.Fatal(err, test.Assessment.Subgroups)
		}
		test.Meaning = meaning
		if pointed {
			cut := map[bool]string{true: "Moderate"}[table == "grades"]
			var rules []operating.Rule
			for _, text := range []string{"youden", "sensitivity 0.8", "specificity 0.9"} {
				r, err := operating.ParseRule(text)
				if err != nil {
					t.Fatal(err)
				}
				rules = append(rules, r)
			}
			points, missed, err := operating.Choose(p, "val", cut, 0.95, rules)
			if err != nil || missed != nil {
				t.Fatal(err, missed)
			}
			if err := test.Apply(points); err != nil {
				t.Fatal(err)
			}
		}
		page := written(t, reportOf(test))
		check := func(text string) {
			text = html.UnescapeString(tags.ReplaceAllString(text, " "))
			text = strings.ReplaceAll(text, "precision-recall", "") // a curve
			if strings.Contains(text, "in every bootstrap round") { // names of measures without a value
				return
			}
			if rates.MatchString(text) && number.MatchString(text) && !named.MatchString(text) {
				t.Errorf("%s: no threshold stands beside %q", name, text)
			}
		}
		for _, table := range tables.FindAllString(page, -1) {
			head, body, _ := strings.Cut(table, "</thead>")
			if named.MatchString(head) {
				continue // of all rows
			}
			if rates.MatchString(head) {
				t.Errorf("%s: no threshold stands in %q", name, head)
			}
			for _, row := range parts.FindAllString(body, -1) {
				check(row)
			}
		}
		for _, part := range parts.FindAllString(tables.ReplaceAllString(page, ""), -1) {
			check(part)
		}
		var text bytes.Buffer
		if err := test.Assessment.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		lines, _, _ := strings.Cut(text.String(), "each class against the rest") // which names argmax for the table below
		_, gaps, _ := strings.Cut(text.String(), "  gap of ")
		for line := range strings.Lines(lines + gaps) {
			check(line)
		}
		// JSON, from which programs and people read.
		for _, m := range slices.Concat(test.Assessment.Measures, test.Assessment.PerClass[0].Measures) {
			if rates.MatchString(m.Name) && m.Rule == "" {
				t.Errorf("%s: %s has no rule", name, m.Name)
			}
		}
		for _, r := range test.Operating {
			for _, m := range r.Measures {
				if m.Rule == "" {
					t.Errorf("%s: %s has no rule", name, m.Name)
				}
			}
		}
	}
}
