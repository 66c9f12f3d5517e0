package evaluation_test

import (
	"fmt"
	"log"
	"strings"

	"fovea/evaluation"
)

// Metrics of a prediction table from any framework.
func Example() {
	table := `path,label,predicted,normal,glaucoma
a.png,normal,normal,0.9,0.1
b.png,normal,glaucoma,0.4,0.6
c.png,glaucoma,glaucoma,0.2,0.8
d.png,glaucoma,glaucoma,0.3,0.7
`
	p, err := evaluation.ReadPredictions(strings.NewReader(table))
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
