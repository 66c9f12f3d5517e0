package main

import (
	"context"
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"

	"fovea/evaluation"
)

// clusteredMeasures lists the measures of the table by patient.
var clusteredMeasures = []string{"accuracy", "recall_positive", "specificity_positive", "balanced_accuracy",
	"specificity", "roc_auc", "kappa", "quadratic_kappa", "f1", "average_precision", "precision_positive", "brier"}

// clustered prints how often intervals hold the true value where patients have several images. The noise of the
// features of two images of a patient is correlated, and so is the liability of which a class is a range.
func clustered(samples, rounds int, drawn bool) {
	fmt.Print("| classes | AUC | patients | images each | correlation | intervals |")
	for _, name := range clusteredMeasures {
		fmt.Printf(" %s |", name)
	}
	fmt.Print("\n|---:|---:|---:|---:|---:|---|")
	for range clusteredMeasures {
		fmt.Print("---:|")
	}
	fmt.Println()
	for _, c := range []struct {
		classes     int
		auc         float64
		patients    int
		images      int
		correlation float64
	}{{2, 0.8, 60, 2, 0.7}, {2, 0.9, 60, 2, 0.7}, {5, 0.8, 60, 2, 0.7}, {2, 0.8, 60, 4, 0.7}, {2, 0.8, 30, 2, 0.7}} {
		p := separate(c.classes, c.auc)
		truth := map[string]float64{}
		for _, m := range p.truth.Measures {
			truth[m.Name] = float64(m.Value)
		}
		design := func(rng *rand.Rand) [][]int { return p.drawLabels(rng, c.patients, c.images, c.correlation) }
		fixed := mostEven(design, c.classes)
		for _, by := range []string{"image", "patient"} {
			held := map[string]int{}
			for i := range samples {
				rng := rand.New(rand.NewPCG(uint64(c.patients), uint64(i)))
				labels := fixed
				if drawn {
					labels = design(rng)
				}
				table := p.drawPatients(rng, labels, c.correlation)
				if by == "image" {
					table.Attributes = nil
				}
				a, err := evaluation.Assess(context.Background(), table,
					evaluation.Intervals{Rounds: rounds, Seed: uint64(i)})
				if err != nil {
					log.Fatal(err)
				}
				for _, m := range a.Measures {
					if v := truth[m.Name]; float64(m.Low) <= v && v <= float64(m.High) {
						held[m.Name]++
					}
				}
			}
			fmt.Printf("| %d | %.2f | %d | %d | %.1f | %s |", c.classes, c.auc, c.patients, c.images, c.correlation, by)
			for _, name := range clusteredMeasures {
				if _, ok := truth[name]; !ok {
					fmt.Print(" |")
					continue
				}
				fmt.Printf(" %.1f |", 100*float64(held[name])/float64(samples))
			}
			fmt.Println()
		}
	}
}

// drawLabels returns the classes of the images of each patient.
func (p population) drawLabels(rng *rand.Rand, patients, images int, correlation float64) [][]int {
	out := make([][]int, patients)
	for k := range out {
		liability := rng.NormFloat64()
		for range images {
			l := distuv.UnitNormal.CDF(math.Sqrt(correlation)*liability + math.Sqrt(1-correlation)*rng.NormFloat64())
			out[k] = append(out[k], min(int(l*float64(p.classes)), p.classes-1))
		}
	}
	return out
}

// mostEven returns, of 2,000 draws of labels, those whose classes are the most equally frequent.
func mostEven(draw func(*rand.Rand) [][]int, classes int) (best [][]int) {
	rng, least := rand.New(rand.NewPCG(5, 5)), math.MaxInt
	for range 2000 {
		labels, squares := draw(rng), 0
		count := make([]int, classes)
		for _, of := range labels {
			for _, c := range of {
				squares += 2*count[c] + 1
				count[c]++
			}
		}
		if squares < least {
			best, least = labels, squares
		}
	}
	return best
}

// drawPatients draws what the classifier says of images with these labels, by patient.
func (p population) drawPatients(rng *rand.Rand, labels [][]int, correlation float64) *evaluation.Predictions {
	out := &evaluation.Predictions{Attributes: []string{"patient"}}
	for c := range p.classes {
		out.Classes = append(out.Classes, fmt.Sprint(c))
	}
	for k, of := range labels {
		noise := make([]float64, p.classes)
		for c := range noise {
			noise[c] = rng.NormFloat64()
		}
		for _, label := range of {
			row := make([]float64, p.classes)
			for c := range row {
				row[c] = p.separation * (math.Sqrt(correlation)*noise[c] + math.Sqrt(1-correlation)*rng.NormFloat64())
			}
			row[label] += p.separation * p.separation
			evaluation.Softmax(row)
			out.Rows = append(out.Rows, evaluation.Prediction{Label: label, Probabilities: row,
				Attributes: []string{fmt.Sprint(k)}})
		}
	}
	return out
}
