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

	"fovea/onnx/ort"
)

var (
	firstSeed = flag.Uint64("seed", 0, "seed of the first model")
	rounds    = flag.Uint64("rounds", 330, "models to try")
)

func TestMain(m *testing.M) {
	flag.Parse()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the runtime warns of values that nothing reads
	if _, err := ort.Load(context.Background(), ort.Source{}); err != nil {
		fmt.Fprintf(os.Stderr, "these tests need ONNX Runtime: %v\n", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

var recordLock sync.Mutex
var offs, errs []float64

func record(off, e float64) {
	recordLock.Lock()
	defer recordLock.Unlock()
	offs, errs = append(offs, off), append(errs, e)
}

// TestRandomGraphs: the imported graph computes what the model does; its gradients
// agree with finite differences; the runtime's optimisations change neither.
func TestRandomGraphs(t *testing.T) {
	var next, silent atomic.Uint64
	next.Store(*firstSeed)
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for seed := next.Add(1) - 1; seed < *firstSeed+*rounds; seed = next.Add(1) - 1 {
				model, inputs := newModel(seed)
				switch f := check(model, inputs); {
				case f == nil:
				case f.kind == unavailable || f.kind == unsure:
					t.Logf("seed %d tells nothing: %s", seed, f.text)
					silent.Add(1)
				default:
					small, inputs, f := shrink(model, inputs, f)
					t.Errorf("seed %d, %s: %s\n%s", seed, f.kind, f.text, text(small, inputs))
				}
			}
		})
	}
	wait.Wait()
	if n := silent.Load(); n > *rounds/20 {
		t.Errorf("%d models of %d tell nothing", n, *rounds)
	}
	slices.Sort(offs)
	slices.Sort(errs)
	for _, q := range []float64{.5, .9, .99, .999, 1} {
		t.Logf("%g: off %.2g, uncertain %.2g", q, offs[int(q*float64(len(offs)-1))], errs[int(q*float64(len(errs)-1))])
	}
}
