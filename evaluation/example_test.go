package evaluation_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"fovea/evaluation"
)

// Compute metrics of predictions that any framework wrote.
func Example() {
	table := `path,label,predicted,normal,glaucoma
a.png,normal,normal,0.9,0.1
b.png,normal,glaucoma,0.4,0.6
c.png,glaucoma,glaucoma,0.2,0.8
d.png,glaucoma,glaucoma,0.3,0.7
`
	p, err := evaluation.ReadTable(strings.NewReader(table), evaluation.TableOptions{})
	if err != nil {
		log.Fatal(err)
	}
	m, warnings, err := evaluation.Compute(p)
	if err != nil {
		log.Fatal(err)
	}
	for _, w := range warnings {
		fmt.Println("warning:", w)
	}
	fmt.Printf("accuracy %.2f, AUC %.2f, kappa %.2f\n", m.Accuracy, m.ROCAUC, m.Kappa)
	// Output: accuracy 0.75, AUC 1.00, kappa 0.50
}

// Compare two classifiers on the same images.
func ExampleComparePaired() {
	read := func(scores ...float64) *evaluation.Predictions {
		p := &evaluation.Predictions{Classes: []string{"normal", "glaucoma"}}
		for i, score := range scores {
			p.Rows = append(p.Rows, evaluation.Prediction{Path: fmt.Sprintf("%d.png", i), Label: i % 2,
				Probabilities: []float64{1 - score, score}})
		}
		return p
	}
	before := read(0.4, 0.6, 0.7, 0.3, 0.2, 0.8, 0.6, 0.9)
	after := read(0.1, 0.8, 0.4, 0.7, 0.2, 0.9, 0.3, 0.9)
	c, err := evaluation.ComparePaired(context.Background(), before, after, evaluation.Intervals{Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("correct only before: %d, only after: %d, p = %.2f\n", c.McNemar.OnlyA, c.McNemar.OnlyB, c.McNemar.ExactP)
	for _, d := range c.DeLong {
		fmt.Printf("AUC of %s: %.2f before, %.2f after\n", d.Class, d.A, d.B)
	}
	// Output:
	// correct only before: 0, only after: 3, p = 0.25
	// AUC of glaucoma: 0.72 before, 1.00 after
}
