package checklist

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The numbers of the published lists, each item once and in order: of n items those named here have so many parts.
func TestItems(t *testing.T) {
	for _, test := range []struct {
		name  string
		items int
		parts map[int]int
	}{
		{"tripod-ai", 27, map[int]int{3: 3, 5: 2, 6: 3, 8: 3, 9: 3, 12: 7, 18: 6, 20: 3, 23: 2, 27: 3}},
		{"claim", 44, nil},
		{"stard", 30, map[int]int{10: 2, 12: 2, 13: 2, 21: 2}},
		{"stard-ai", 40, map[int]int{15: 4, 16: 3, 17: 2, 26: 2, 40: 2}},
	} {
		var want []string
		for i := 1; i <= test.items; i++ {
			if test.parts[i] == 0 {
				want = append(want, strconv.Itoa(i))
			}
			for p := range test.parts[i] {
				want = append(want, fmt.Sprintf("%d%c", i, 'a'+p))
			}
		}
		c := Find(test.name)
		var got []string
		for _, item := range c.Items {
			got = append(got, item.Number)
			if item.Section == "" || item.Subject == "" || len(item.Subject) > 80 {
				t.Errorf("%s, item %s: section %q, subject %q", c.Name, item.Number, item.Section, item.Subject)
			}
			if item.Topics == nil && item.Author == "" {
				t.Errorf("%s, item %s: nobody answers it", c.Name, item.Number)
			}
			if len(item.Topics) != len(slices.Compact(slices.Sorted(slices.Values(item.Topics)))) {
				t.Errorf("%s, item %s: a topic twice: %q", c.Name, item.Number, item.Topics)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has the items\n%q, published are\n%q", c.Name, got, want)
		}
		if !strings.Contains(c.Source, "https://doi.org/") {
			t.Errorf("%s: the source %q has no address", c.Name, c.Source)
		}
	}
	if Find("consort") != nil || len(Names()) != 4 {
		t.Errorf("the checklists are %q", Names())
	}
}

func TestFill(t *testing.T) {
	c := &Checklist{Title: "Test", Source: "nobody", Items: []Item{
		{"1", "A", "known", []Topic{Task}, ""},
		{"2", "A", "known in part", []Topic{Task}, "Say more."},
		{"3a", "B", "one of two is known", []Topic{Task, Balance}, ""},
		{"3b", "B", "with a gap", []Topic{Leaks}, ""},
		{"4", "B", "not known", []Topic{Balance}, "Say it."},
		{"5", "B", "nobody but the author", nil, "Write it."},
		{"6", "B", "does not exist", []Topic{Updating}, "Not to be seen."},
	}}
	long := strings.Repeat("a|b <i> *c* ", 20)
	facts := map[Topic]Fact{
		Task:     {Text: long, Where: []string{"model.onnx: fovea.classes"}},
		Leaks:    {Text: "None.", Where: []string{"splits.csv"}, Lacks: "Patients."},
		Balance:  {Lacks: "The counts."},
		Updating: {Text: "No update.", NotApplicable: true},
	}
	answers := c.Fill(facts)
	want := []Status{Filled, InPart, InPart, InPart, ForAuthor, ForAuthor, NotApplicable}
	for i, a := range answers {
		if a.Status != want[i] {
			t.Errorf("item %s is %q, want %q", a.Number, a.Status, want[i])
		}
	}
	if got := Summary(answers); got != "filled from the run: 1, in part: 3, for the author: 2, not applicable: 1" {
		t.Error(got)
	}
	var page, table bytes.Buffer
	if err := c.WriteMarkdown(&page, "runs/a|b", answers); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"Reporting checklist of runs/a\\|b.",
		"| 1 | known | " + strings.ReplaceAll(strings.Repeat(`a\|b &lt;i> \*c\* `, 20), "||",
			"") + " | `model.onnx: fovea.classes` |",
		"| 2 | known in part | Classes: see item 1. **For the author:** Say more. | `model.onnx: fovea.classes` |",
		"| 3b | with a gap | None. **Not in the run:** Patients. | `splits.csv` |",
		"| 4 | not known | **Not in the run:** The counts. **For the author:** Say it. |  |",
		"| 6 | does not exist | **Not applicable:** No update. |  |",
	} {
		if !strings.Contains(page.String(), line+"\n") && !strings.Contains(page.String(), line+" Source") {
			t.Errorf("the page lacks %q:\n%s", line, page.String())
		}
	}
	if err := WriteCSV(&table, answers); err != nil { // after the page: it must have changed nothing
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&table).ReadAll()
	if err != nil || len(rows) != 8 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if got := strings.Join(rows[2], ";"); got != "2;A;known in part;in part;"+long+" For the author: Say "+
		"more.;model.onnx: fovea.classes" {
		t.Error(got)
	}
}
