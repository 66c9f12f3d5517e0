package optim_test

import (
	"fmt"
	"log"
	"math"

	"fovea/training/optim"
)

// One optimizer step for a model with three parameters: a block's weight and bias, and the head's weight.
//
// The expected numbers can be computed by hand. In the first step of AdamW the moments are g and g² after their bias
// corrections, so that each element moves by its rate against the sign of its gradient: p·(1 - rate·decay) -
// rate·sign(g). The head's rate is 0.1, the block's half of it, and the bias has no weight decay:
//
//	head.weight  1·(1 - 0.1·0.05)  - 0.1  = 0.895
//	block.weight 1·(1 - 0.05·0.05) - 0.05 = 0.9475
//	block.bias   1                 + 0.05 = 1.05
func Example() {
	layout, err := optim.NewLayout([]optim.Tensor{
		{Name: "block.weight", Shape: []int64{2, 2}, Layer: 0, Decay: true},
		{Name: "block.bias", Shape: []int64{2}, Layer: 0},
		{Name: "head.weight", Shape: []int64{3, 2}, Layer: 1, Decay: true},
	}, optim.Decay{Layer: 0.5, Weight: 0.05})
	if err != nil {
		log.Fatal(err)
	}
	// Parameters, gradients and both moments are arenas of the same layout. The caller owns them.
	parameters, gradients := make([]float32, layout.Size), make([]float32, layout.Size)
	moment1, moment2 := make([]float32, layout.Size), make([]float32, layout.Size)
	for name, gradient := range map[string]float32{"block.weight": 3, "block.bias": -0.5, "head.weight": 0.25} {
		for i := range layout.View(parameters, name) {
			layout.View(parameters, name)[i] = 1
			layout.View(gradients, name)[i] = gradient
		}
	}

	norm := optim.Norm(gradients, 0) // √(4·3² + 2·0.5² + 6·0.25²)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		log.Fatal("the step must be skipped")
	}
	scale := optim.ClipScale(norm, 0) // 1: a largest norm of 0 does not clip
	optim.DefaultAdamW().Step(1, 0.1, scale, layout.Groups(), parameters, gradients, moment1, moment2, 0)

	fmt.Printf("%d elements in %d groups, norm %.4f\n", layout.Size, len(layout.Groups()), norm)
	for _, p := range layout.Params {
		fmt.Printf("%-12s at %2d  %.4f\n", p.Name, p.Offset, p.View(parameters))
	}
	// Output:
	// 48 elements in 3 groups, norm 6.0725
	// block.weight at  0  [0.9475 0.9475 0.9475 0.9475]
	// block.bias   at 16  [1.0500 1.0500]
	// head.weight  at 32  [0.8950 0.8950 0.8950 0.8950 0.8950 0.8950]
}

// The learning rate of a run of 10 epochs with a warm-up of 2: it rises linearly to 0.001 and falls along half a
// cosine.
func ExampleSchedule() {
	schedule := optim.Schedule{Base: 1e-3, Min: 1e-5, Warmup: 2, Epochs: 10}
	for _, epoch := range []float64{0, 1, 2, 6, 10} {
		fmt.Printf("%g: %.6f\n", epoch, schedule.Rate(epoch))
	}
	// Output:
	// 0: 0.000000
	// 1: 0.000500
	// 2: 0.001000
	// 6: 0.000505
	// 10: 0.000010
}
