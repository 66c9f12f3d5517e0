package optim

import (
	"math/rand/v2"
	"testing"
)

// TestAverageEqualsTimm repeats the updates of timm's ModelEmaV2, bit by bit.
func TestAverageEqualsTimm(t *testing.T) {
	var cases []struct {
		Decay          float64
		Start, Average []float32
		Steps          [][]float32
	}
	readJSON(t, "average.json", &cases)
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range cases {
		got := clone(c.Start)
		for _, parameters := range c.Steps {
			Average(got, parameters, c.Decay, 2)
		}
		if i := diff(got, c.Average); i >= 0 {
			t.Errorf("decay %v: [%d] is %v, want %v", c.Decay, i, got[i], c.Average[i])
		}
	}
}

func TestAverageAssembly(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const decay = 0.9998
	for _, n := range append(kernelLengths, Chunk+9) {
		x, y := values(r, n), values(r, n)
		want := clone(x)
		averageGo(want, y, float32(decay), float32(1-decay))
		for workers := 1; workers <= 3; workers++ {
			got := clone(x)
			Average(got, y, decay, workers)
			if i := diff(got, want); i >= 0 {
				t.Fatalf("%d elements, %d workers: [%d] is %v, in Go %v", n, workers, i, got[i], want[i])
			}
		}
	}
}
