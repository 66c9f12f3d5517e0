package randomgraphs

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"fovea/graphs/autodiff"
	"fovea/internal/graphtest"
	"fovea/onnx/ort/install"
)

var (
	firstSeed = flag.Uint64("seed", 0, "seed of the first model")
	rounds    = flag.Uint64("rounds", 330, "models to try")
)

func TestMain(m *testing.M) {
	flag.Parse()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the runtime warns of values that nothing reads
	if _, err := install.Load(context.Background(), install.Source{}); err != nil {
		fmt.Fprintf(os.Stderr, "these tests need ONNX Runtime: %v\n", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestRandomGraphs: the imported graph computes what the model does; its gradients agree with finite differences; the
// runtime's optimisations change neither.
func TestRandomGraphs(t *testing.T) {
	if testing.Short() {
		t.Skip("runs hundreds of graphs")
	}
	var lock sync.Mutex
	var offs []float64
	nodes := map[string]int{}
	silent := each(func(seed uint64) (tells bool) {
		model, inputs := newModel(seed)
		s, f := check(model, inputs)
		if f != nil && f.kind == unsure {
			t.Logf("seed %d tells nothing: %s", seed, f.text)
			return false
		}
		if f != nil {
			model, inputs, f = shrink(model, inputs, f)
			t.Errorf("seed %d, %s: %s\n%s", seed, f.kind, f.text, text(model, inputs))
			return true
		}
		lock.Lock()
		defer lock.Unlock()
		offs = append(offs, s.off)
		for _, n := range model.Graph.Node {
			nodes[nameOf(n)]++
		}
		return true
	})
	if silent > *rounds/100 {
		t.Errorf("%d models of %d tell nothing", silent, *rounds)
	}
	for op := range generators {
		if least := *rounds / 330; uint64(nodes[op]) < least && op != "Resize" &&
			op != "ScatterElements" { // they have older names too
			t.Errorf("%s is there %d times", op, nodes[op])
		}
	}
	slices.Sort(offs)
	for _, part := range []float64{0.5, 0.9, 0.99, 1} {
		if len(offs) > 0 {
			t.Logf("%g of the models are at most %.1e off", part, offs[int(part*float64(len(offs)-1))])
		}
	}
}

// each tries the models on all cores, and counts those that tell nothing.
func each(try func(seed uint64) (tells bool)) (silent uint64) {
	var next, count atomic.Uint64
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for seed := next.Add(1) - 1; seed < *rounds; seed = next.Add(1) - 1 {
				if !try(*firstSeed + seed) {
					count.Add(1)
				}
			}
		})
	}
	wait.Wait()
	return count.Load()
}

// TestWrongGradients: a gradient that is off by one part in a hundred is found, and the model that shows it is made
// smaller.
func TestWrongGradients(t *testing.T) {
	defer func() { reverse = autodiff.Backward }()
	reverse = graphtest.WrongBackward
	for seed := range uint64(10) {
		model, inputs := newModel(seed)
		_, f := check(model, inputs)
		if f == nil || f.kind != "gradient" {
			t.Errorf("seed %d: a wrong gradient is not found: %v", seed, f)
		} else if small, _, _ := shrink(model, inputs, f); seed == 0 && len(small.Graph.Node) != 1 {
			t.Errorf("%d nodes are left", len(small.Graph.Node))
		}
	}
}
