package report

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"fovea/evaluation"
	"fovea/internal/graphtest"
)

// TestLabelErrors compares the rows and their order with those of cleanlab, which tools/oracle/label_errors.py wrote.
// Rows of equal margin are in their own order here.
func TestLabelErrors(t *testing.T) {
	var cases []struct {
		Labels  []int
		Weights [][]float64
		Rows    []int
		Margins []float64
	}
	if err := json.Unmarshal(graphtest.Unzip(t, "testdata/label_errors.json.gz"), &cases); err != nil {
		t.Fatal(err)
	}
	for k, c := range cases {
		p := &evaluation.Predictions{}
		for i := range c.Weights[0] {
			p.Classes = append(p.Classes, fmt.Sprint(i))
		}
		for i, row := range c.Weights {
			sum := 0.0
			for _, w := range row {
				sum += w
			}
			for j := range row {
				row[j] /= sum
			}
			p.Rows = append(p.Rows, evaluation.Prediction{Label: c.Labels[i], Probabilities: row})
		}
		var rows []int
		got := LabelErrors(p)
		for i, e := range got {
			rows = append(rows, e.Row)
			if i < len(c.Margins) && math.Abs(e.Margin-c.Margins[i]) > 1e-12 {
				t.Errorf("case %d, place %d: margin %v, want %v", k, i, e.Margin, c.Margins[i])
			}
		}
		if slices.Sort(rows); len(rows) != len(c.Margins) || !slices.Equal(rows, c.Rows) {
			t.Errorf("case %d: rows %v, want %v", k, rows, c.Rows)
		}
	}
}
