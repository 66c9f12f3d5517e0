// Command coverage measures how often the intervals of package evaluation hold the true value, on drawn samples of
// classifiers whose true values are known. It prints the Markdown table of docs/evidence/metrics.md.
//
//	go run ./tools/coverage [-samples 1000] [-rounds 1000] [-drawn]
//	go run ./tools/coverage -patients [-samples 1000] [-rounds 1000]
//
// With -patients it compares intervals by image and by patient, see clustered.go.
//
// An image of class y has one feature for each class, x ~ N(μ·e_y, 1). Classes are equally frequent. The classifier
// knows the true probabilities, softmax(μ·x). μ is chosen for the AUC. True values are those of 200,000 images.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"

	"fovea/evaluation"
)

var measures = []string{"accuracy", "f1", "kappa", "roc_auc", "average_precision", "brier", "ece"}

func main() {
	samples := flag.Int("samples", 1000, "samples a row of the table")
	rounds := flag.Int("rounds", 1000, "bootstrap rounds a sample")
	drawn := flag.Bool("drawn", false, "classes are drawn too, instead of as many images of each")
	patients := flag.Bool("patients", false, "patients with two eyes, whose images depend on each other")
	flag.Parse()
	if *patients {
		clustered(*samples, *rounds, *drawn)
		return
	}
	fmt.Print("| classes | AUC | images |")
	for _, name := range measures {
		fmt.Printf(" %s |", name)
	}
	fmt.Print(" DeLong, logit | DeLong, AUC ± zσ |\n|---:|---:|---:|")
	for range len(measures) + 2 {
		fmt.Print("---:|")
	}
	fmt.Println()
	for _, classes := range []int{2, 5} {
		for _, auc := range []float64{0.7, 0.95} {
			population := separate(classes, auc)
			for _, n := range []int{30, 100} {
				if err := population.row(n, *samples, *rounds, *drawn); err != nil {
					log.Fatal(err)
				}
			}
		}
	}
}

// A population is a classifier with the images that it classifies.
type population struct {
	classes    int
	separation float64 // μ
	auc        float64 // as requested
	truth      *evaluation.Assessment
}

// separate finds the population of an AUC by bisection.
func separate(classes int, auc float64) population {
	const many = 200_000
	low, high := 0.0, 8.0
	for range 20 {
		p := population{classes: classes, separation: (low + high) / 2, auc: auc}
		m, _, err := evaluation.Compute(p.draw(rand.New(rand.NewPCG(1, 1)), many/10, false))
		if err != nil {
			log.Fatal(err)
		}
		if m.ROCAUC < auc {
			low = p.separation
		} else {
			high = p.separation
		}
	}
	p := population{classes: classes, separation: high, auc: auc}
	var err error
	if p.truth, err = evaluation.Assess(context.Background(), p.draw(rand.New(rand.NewPCG(1, 2)), many, false),
		evaluation.Intervals{Rounds: 20}); err != nil {
		log.Fatal(err)
	}
	return p
}

func (p population) draw(rng *rand.Rand, n int, drawn bool) *evaluation.Predictions {
	out := &evaluation.Predictions{}
	for c := range p.classes {
		out.Classes = append(out.Classes, fmt.Sprint(c))
	}
	for i := range n {
		label := i % p.classes
		if drawn {
			label = rng.IntN(p.classes)
		}
		row := make([]float64, p.classes)
		for c := range row {
			row[c] = p.separation * rng.NormFloat64()
		}
		row[label] += p.separation * p.separation
		evaluation.Softmax(row)
		out.Rows = append(out.Rows, evaluation.Prediction{Label: label, Probabilities: row})
	}
	return out
}

// row prints the percentage of samples whose interval holds the true value.
func (p population) row(n, samples, rounds int, drawn bool) error {
	truth := map[string]float64{}
	for _, m := range p.truth.Measures {
		truth[m.Name] = float64(m.Value)
	}
	truth["ece"] = 0 // the probabilities are the true ones
	z := distuv.UnitNormal.Quantile(0.975)
	held := map[string]int{}
	for i := range samples {
		table := p.draw(rand.New(rand.NewPCG(uint64(n), uint64(i))), n, drawn)
		a, err := evaluation.Assess(context.Background(), table, evaluation.Intervals{Rounds: rounds, Seed: uint64(i)})
		if err != nil {
			return err
		}
		for _, m := range a.Measures {
			if v := truth[m.Name]; float64(m.Low) <= v && v <= float64(m.High) {
				held[m.Name]++
			}
		}
		last := len(a.PerClass) - 1
		d, v := a.PerClass[last].DeLong, float64(p.truth.PerClass[last].DeLong.AUC)
		if float64(d.Low) <= v && v <= float64(d.High) {
			held["logit"]++
		}
		if math.Abs(float64(d.AUC)-v) <= z*float64(d.StdErr) {
			held["normal"]++
		}
	}
	fmt.Printf("| %d | %.2f | %d |", p.classes, p.auc, n)
	for _, name := range append(measures[:len(measures):len(measures)], "logit", "normal") {
		fmt.Printf(" %.1f |", 100*float64(held[name])/float64(samples))
	}
	fmt.Println()
	return nil
}
