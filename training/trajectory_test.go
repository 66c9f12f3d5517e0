package training

import (
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/data"
	"fovea/data/augment"
	"fovea/internal/graphtest"
	"fovea/onnx/weights"
	"fovea/training/config"
	"fovea/training/optim"
)

// trajectory is a run of RETFound's recipe by PyTorch; see testdata/README.md.
type trajectory struct {
	Config struct {
		Image, Patch, Width, Depth, Heads, Classes, Batch int
		Pool                                              string
		FCNormTwice                                       bool `json:"fc_norm_twice"`
		LayerScale                                        bool `json:"layer_scale"`
	}
	Recipe struct {
		Epochs, Warmup, Batches, Accumulate int
		LR, Clip, Smoothing                 float64
		MinLR                               float64 `json:"min_lr"`
		LayerDecay                          float64 `json:"layer_decay"`
		WeightDecay                         float64 `json:"weight_decay"`
		DropPath                            float64 `json:"drop_path"`
	}
	Rules      graphtest.Rules
	Mixes      []mix     // of each batch; empty without mixup
	Rates      []float64 // of each step
	Losses     []float64 // of each batch
	Norms      []float64 // of each step's gradient, before it is clipped
	Parameters []graphtest.Description
}

type mix struct {
	Lambda float64
	Box    []int // of CutMix: left, top, right, bottom
}

// TestTrajectoryEqualsPyTorch takes sixty optimizer steps with a Learner and compares rates, losses, gradient norms and
// the parameters at the end with those of the same run in PyTorch. What the Learner would draw, the initial parameters
// and the paths that are dropped, is given to it.
func TestTrajectoryEqualsPyTorch(t *testing.T) {
	for _, name := range []string{"plain", "mixed", "dinov2"} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "plain" {
				t.Skip("takes sixty steps")
			}
			want := new(trajectory)
			graphtest.ReadGolden(t, filepath.Join("testdata", "trajectory_"+name+".json.gz"), want)
			want.run(t, name)
		})
	}
}

func (w *trajectory) run(t *testing.T, name string) {
	l, err := NewBench(t.Context(), w.config(), w.Config.Classes, Experiment{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	layout := l.setup.layout
	err = l.Initialize(func(name string, values []float32) error {
		copy(values, w.Rules.Draw(t, name, len(values)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	schedule := scheduleOf(l.setup.config)

	var losses, norms worst
	r := w.Recipe
	for first := 0; first < r.Epochs*r.Batches; first += r.Accumulate {
		step := first / r.Accumulate
		rate := schedule.Rate(float64(first) / float64(r.Batches))
		if e := math.Abs(rate - w.Rates[step]); !(e <= 1e-15) {
			t.Fatalf("step %d: rate %v, want %v", step+1, rate, w.Rates[step])
		}
		for micro := range r.Accumulate {
			iteration := first + micro
			images, targets := w.batch(t, iteration)
			err := l.StageDropping(images, targets, func(factors,
				keep []float32) {
				w.dropPaths(factors, keep, iteration)
			})
			if err == nil {
				err = l.ForwardBackward()
			}
			if err != nil {
				t.Fatal(err)
			}
			losses.see(l.Loss(micro), w.Losses[iteration])
		}
		if err := l.Update(int64(step)+1, rate); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Settle(); err != nil {
			t.Fatal(err)
		}
		norms.see(l.Norm(), w.Norms[step])
	}
	if !(losses <= 2e-5) || !(norms <= 2e-5) {
		t.Errorf("losses are off by up to %.1e, gradient norms by %.1e, want 2e-5", losses, norms)
	}
	var arena []float32
	err = l.State(func(name string, values []float32) {
		if name == "parameters" {
			arena = slices.Clone(values)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	furthest := w.compareParameters(t, layout, arena)
	t.Logf("losses off by up to %.1e, norms by %.1e, parameters by %s", losses, norms, furthest)

	if dir := os.Getenv("FOVEA_PARAMETERS"); dir != "" {
		file := filepath.Join(dir, "trajectory_"+name+".safetensors")
		err := l.Checkpoint(false, func(parameters,
			_ []weights.Tensor) error {
			return weights.Write(file, parameters, nil)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// compareParameters says how far the parameters lie off at most.
func (w *trajectory) compareParameters(t *testing.T, layout optim.Layout, arena []float32) string {
	if len(layout.Params) != len(w.Parameters) {
		t.Fatalf("the model has %d parameters, want %d", len(layout.Params), len(w.Parameters))
	}
	var furthest worst
	var where string
	for _, want := range w.Parameters {
		x := layout.View(arena, want.Name)
		if strings.HasSuffix(want.Name, "attn.qkv.bias") {
			x = w.withoutKeys(t, want, x)
		}
		e, err := want.Compare(x, 1e-4)
		if err != nil {
			t.Error(err)
		}
		if worst(e) > furthest {
			furthest, where = worst(e), want.Name
		}
	}
	return fmt.Sprintf("%.1e of the largest entry, in %s", furthest, where)
}

// withoutKeys returns the biases of queries, keys and values with those of the keys set to 0. They shift all scores of
// a query alike, which softmax undoes: without rounding errors their gradient would be 0, and they would stay where
// they were. AdamW makes steps even of rounding errors; PyTorch's own go up to 2e-3 of the largest bias.
func (w *trajectory) withoutKeys(t *testing.T, want graphtest.Description, bias []float32) []float32 {
	t.Helper()
	out, n := slices.Clone(bias), len(bias)/3
	clear(out[n : 2*n])
	for i, start := range w.Rules.Draw(t, want.Name, len(bias))[n : 2*n] {
		if moved := math.Abs(float64(bias[n+i] - start)); !(moved <= 5e-3*float64(want.Max)) {
			t.Errorf("%s: the bias of key %d moved by %v", want.Name, i, moved)
		}
	}
	return out
}

// config is the recipe as a user would write it.
func (w *trajectory) config() *config.Config {
	c, m, r := config.Defaults(), w.Config, w.Recipe
	c.Name, c.Data.Dir = "trajectory", "unused"
	c.Data.Size = m.Image
	if m.LayerScale {
		c.Model.Arch = "vit_small_patch14_dinov2"
	}
	c.Model.Patch, c.Model.Width, c.Model.Depth, c.Model.Heads = m.Patch, m.Width, m.Depth, m.Heads
	c.Model.FCNormTwice, c.Model.DropPath = m.FCNormTwice, r.DropPath
	c.Optimizer.LR, c.Optimizer.Clip = r.LR, r.Clip
	c.Optimizer.LayerDecay, c.Optimizer.WeightDecay = r.LayerDecay, r.WeightDecay
	c.Schedule.Epochs, c.Schedule.Warmup, c.Schedule.MinLR = r.Epochs, r.Warmup, r.MinLR
	c.Training.Batch, c.Training.Accumulate = m.Batch, r.Accumulate
	c.Runtime.Provider = "cpu"
	return c
}

// batch draws the images of an iteration, noise and a pattern of the class, and makes its targets.
func (w *trajectory) batch(t *testing.T, iteration int) (images, targets []float32) {
	t.Helper()
	c := w.Config
	labels, word := make([]int, c.Batch), graphtest.Words(fmt.Sprintf("labels.%d", iteration))
	size := 3 * c.Image * c.Image
	images = graphtest.Fill(fmt.Sprintf("images.%d", iteration), c.Batch*size, 0, 1.5)
	for i := range labels {
		labels[i] = int(word(i) % uint64(c.Classes))
		optim.Add(images[i*size:(i+1)*size], graphtest.Fill(fmt.Sprintf("pattern.%d", labels[i]), size, 0, 0.3), 1)
	}
	targets, err := data.OneHot(labels, c.Classes, w.Recipe.Smoothing)
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Mixes) > 0 {
		w.Mixes[iteration].of(c.Batch, c.Image).Apply(images, targets)
	}
	return images, targets
}

// of is the mix as a Mixer draws it for n images.
func (m mix) of(n, side int) augment.Mixing {
	one := augment.Mix{Lambda: float32(m.Lambda), Rest: float32(1 - m.Lambda)}
	if b := m.Box; b != nil {
		one.CutMix, one.Box = true, image.Rect(b[0], b[1], b[2], b[3])
	}
	return augment.Mixing{Side: side, Images: slices.Repeat([]augment.Mix{one}, n)}
}

// dropPaths drops the paths of an iteration in the place of Learner.drawDropPath.
func (w *trajectory) dropPaths(factors, keep []float32, iteration int) {
	word := graphtest.Words(fmt.Sprintf("drop_path.%d", iteration))
	for i := range factors {
		p := keep[i/w.Config.Batch]
		factors[i] = 0
		if graphtest.Unit(word(i)) < p {
			factors[i] = 1 / p
		}
	}
}

// worst is the largest relative difference of numbers.
type worst float64

func (w *worst) see(got, want float64) { *w = max(*w, worst(math.Abs(got/want-1))) }
