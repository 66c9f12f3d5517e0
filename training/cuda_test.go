package training

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fovea/internal/progress"
	"fovea/internal/runfiles"
	"fovea/onnx/weights"
	"fovea/tools/cudastub"
	"fovea/training/config"
	"fovea/training/optim"
)

// TestTrainsOnCUDA goes through whole runs on the stand-in CUDA libraries, in every precision. Sessions compute nothing
// there, so every gradient is 0; all else is real: memory, bindings, copies, events and the optimizer's kernels. The
// parameters must end where weight decay alone takes them, to the bit, and nothing may be left behind.
func TestTrainsOnCUDA(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		for _, precision := range []string{"fp32", "tf32", "bf16", "fp16", "auto"} {
			t.Run(precision, func(t *testing.T) {
				for _, recorded := range []bool{false, true} {
					c := onStandIns(t)
					c.Training.Precision, c.Runtime.CUDAGraph = precision, recorded
					before := cudastub.Live(t)
					r, err := Run(t.Context(), c, Options{NoFigures: true})
					if err != nil {
						t.Fatal(err)
					}
					if after := cudastub.Live(t); after != before {
						t.Errorf("before the run there were %+v, after it %+v", before, after)
					}
					onlyDecayed(t, c, r.Folder)
				}
			})
		}
	})
}

// TestStepsLeaveNothingOnCUDA: a long run holds no more than a short one, and gives all back.
func TestStepsLeaveNothingOnCUDA(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		for i := range 2 {
			before := cudastub.Live(t)
			c := onStandIns(t)
			l, err := NewBench(t.Context(), c, 5, Experiment{})
			if err != nil {
				t.Fatal(err)
			}
			images, targets := make([]float32, 4*3*28*28), make([]float32, 4*5)
			var within cudastub.Counts
			for n := range 200 {
				for range c.Training.Accumulate {
					if err := errors.Join(l.Stage(images, targets, 0, n), l.ForwardBackward()); err != nil {
						t.Fatal(err)
					}
				}
				if err := l.Update(int64(n+1), 1e-3); err != nil {
					t.Fatal(err)
				}
				if _, err := l.Settle(); err != nil {
					t.Fatal(err)
				}
				if n == 5 {
					within = cudastub.Live(t)
				}
			}
			if after := cudastub.Live(t); after != within {
				t.Errorf("after 6 steps there are %+v, after 200 %+v", within, after)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if after := cudastub.Live(t); after != before && i > 0 { // the first makes what the provider keeps
				t.Errorf("before there were %+v, after %+v", before, after)
			}
		}
	})
}

// TestSkippedStepOnCUDA: a step with a gradient that is infinite changes nothing on the device, and halves the loss
// scale; the one after it is taken.
func TestSkippedStepOnCUDA(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		c := onStandIns(t)
		c.Training.Precision = "fp16"
		l, err := NewBench(t.Context(), c, 5, Experiment{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		state := func() []float32 {
			var out []float32
			if err := l.State(func(_ string, values []float32) { out = append(out, values...) }); err != nil {
				t.Fatal(err)
			}
			return out
		}
		take := func(spoil bool) error {
			for micro := range c.Training.Accumulate {
				err := l.Inject(func(name string, gradient []float32) {
					for i := range gradient {
						gradient[i] = 0.5
					}
					if spoil && micro == 1 && name == "blocks.1.mlp.fc2.bias" {
						gradient[3] = float32(math.Inf(1))
					}
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := l.Update(1, 1e-3); err != nil {
				t.Fatal(err)
			}
			_, err := l.Settle()
			return err
		}
		before := state()
		if err := take(true); err == nil || !strings.Contains(err.Error(), "scaled by 65536; it is scaled by 32768") {
			t.Errorf("an overflow: %v", err)
		}
		if l.LossScale() != 32768 || !slices.Equal(state(), before) {
			t.Errorf("after it the scale is %v, and the state differs: %v", l.LossScale(),
				!slices.Equal(state(), before))
		}
		if err := take(false); err != nil || slices.Equal(state(), before) {
			t.Errorf("the step after it: %v, nothing changed: %v", err, slices.Equal(state(), before))
		}
	})
}

// TestAutoWithoutCUDA: where CUDA does not work, "cuda" is an error before any work is done, "auto" trains on the CPU
// and says why.
func TestAutoWithoutCUDA(t *testing.T) {
	for _, x := range []struct{ name, variable, value, why string }{
		{"no GPU", "FOVEA_CUDA_STUB_DEVICES", "0", "finds no GPU"},
		{"old driver", "FOVEA_CUDA_STUB_DRIVER", "12040", "12.4"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Setenv(x.variable, x.value)
			cudastub.Run(t, func(t *testing.T) {
				c := onStandIns(t)
				if _, err := Run(t.Context(), c, Options{NoFigures: true}); err == nil ||
					!strings.Contains(err.Error(), "runtime.provider cuda") ||
					!strings.Contains(err.Error(), x.why) {
					t.Errorf("cuda: %v", err)
				}
				if _, err := os.Stat(filepath.Join(c.Output.Dir, c.Name)); err == nil {
					t.Error("cuda: the run folder was made")
				}
				c.Runtime.Provider, c.Training.Precision = "auto", "auto"
				var log bytes.Buffer
				slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
				if _, err := Run(t.Context(), c, Options{NoFigures: true}); err != nil {
					t.Fatal(err)
				}
				for _, want := range []string{"the CPU is used", x.why, "provider=cpu precision=fp32"} {
					if !strings.Contains(log.String(), want) {
						t.Errorf("auto does not say %q:\n%s", want, &log)
					}
				}
			})
		})
	}
}

// TestResumesOnCUDA interrupts a run; what the resumed one ends with is what an uninterrupted one does.
func TestResumesOnCUDA(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		c := onStandIns(t)
		c.Training.Precision = "fp16"
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err := Run(ctx, c, Options{Progress: func(u progress.Update) {
			if u.Task == "epoch 1/2" && u.Done >= 4*c.Training.Batch*c.Training.Accumulate {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), c, Options{Resume: true, NoFigures: true})
		if err != nil {
			t.Fatal(err)
		}
		onlyDecayed(t, c, r.Folder)
	})
}

// TestOtherModelsOnCUDA: a linear probe, recomputation and an imported model.
func TestOtherModelsOnCUDA(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		for name, change := range map[string]func(*config.Config){
			"linear probe": func(c *config.Config) { c.Model.Adaptation = "linear_probe" },
			"recompute":    func(c *config.Config) { c.Training.Recompute, c.Training.Precision = "full", "fp16" },
			"imported": func(c *config.Config) {
				c.Model = config.Model{ONNX: "../models/imported/testdata/mlp_dynamo20.onnx", Adaptation: "finetune"}
				c.Data.Size = 4
			},
		} {
			t.Run(name, func(t *testing.T) {
				c := onStandIns(t)
				change(c)
				r, err := Run(t.Context(), c, Options{NoFigures: true})
				if err != nil {
					t.Fatal(err)
				}
				onlyDecayed(t, c, r.Folder)
			})
		}
	})
}

// TestConvolutionsOnCUDA: an operator that needs cuDNN, which is not there, says how to get it.
func TestConvolutionsOnCUDA(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		c := onStandIns(t)
		c.Model = config.Model{ONNX: "../models/imported/testdata/cnn_torchscript17.onnx", Adaptation: "finetune"}
		c.Data.Size = 20
		_, err := Run(t.Context(), c, Options{NoFigures: true})
		if err == nil || !strings.Contains(err.Error(), "cuDNN is unavailable") ||
			!strings.Contains(err.Error(), "install -gpu -cudnn") {
			t.Errorf("without cuDNN: %v", err)
		}
	})
}

// TestMemoryOnCUDA: on a GPU with little memory a batch that does not fit is an error that names the one that does,
// which "auto" finds, and both leave nothing behind.
func TestMemoryOnCUDA(t *testing.T) {
	t.Setenv("FOVEA_CUDA_STUB_MEMORY", strconv.Itoa(6<<20))
	cudastub.Run(t, func(t *testing.T) {
		c := onStandIns(t)
		before := cudastub.Live(t)
		c.Training.Batch = config.Auto
		c.Training.Accumulate, c.Training.MaxSteps = 1, 3
		if _, err := Run(t.Context(), c, Options{NoFigures: true}); err != nil {
			t.Fatal(err)
		}
		resolved, err := config.Read(filepath.Join(c.Output.Dir, c.Name, runfiles.Config), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		fits := resolved.Training.Batch
		if fits < 2 || fits > 64 {
			t.Fatalf("batch %d was chosen: the memory does not bound it", fits)
		}
		c.Name, c.Training.Batch = "large", 2*fits
		_, err = Run(t.Context(), c, Options{NoFigures: true})
		if err == nil || !strings.Contains(err.Error(), strconv.Itoa(fits)) ||
			!strings.Contains(err.Error(), "training.batch") {
			t.Errorf("batch %d: %v", 2*fits, err)
		}
		if after := cudastub.Live(t); after != before {
			t.Errorf("before there were %+v, after it %+v", before, after)
		}
	})
}

// onStandIns is a config of a short run on CUDA.
func onStandIns(t *testing.T) *config.Config {
	c := config.Defaults()
	c.Name, c.Data.Dir, c.Output.Dir = "cuda", "../data/testdata/retinamnist", t.TempDir()
	c.Data.Size, c.Data.CropPct = 28, 1
	c.Model.Patch, c.Model.Width, c.Model.Depth, c.Model.Heads = 7, 32, 2, 2
	c.Training.Batch, c.Training.Accumulate, c.Training.EMA, c.Training.MaxSteps = 4, 2, 0.5, 9
	c.Schedule.Epochs, c.Schedule.Warmup = 2, 0
	c.Runtime.Provider = "cuda"
	return c
}

// onlyDecayed compares the parameters that a run without gradients ends with to those of optimizer steps on the CPU.
func onlyDecayed(t *testing.T, c *config.Config, folder string) {
	t.Helper()
	s, err := newSetup(t.Context(), c, 5)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	set, err := openDataset(c)
	if err != nil {
		t.Fatal(err)
	}
	arena := func() []float32 { return make([]float32, s.layout.Size) }
	start, zero, m, v := arena(), arena(), arena(), arena()
	if err := s.initialize(start); err != nil {
		t.Fatal(err)
	}
	trained, average := slices.Clone(start), slices.Clone(start)
	batches := len(set.train.Samples) / c.Training.Batch
	for step := range c.Training.MaxSteps {
		taken := batches / c.Training.Accumulate // an epoch
		epoch, batch := step/taken, step%taken*c.Training.Accumulate
		rate := scheduleOf(c).Rate(float64(epoch) + float64(batch)/float64(batches))
		adamw(c).Step(int64(step+1), rate, 1, s.layout.Groups(), trained, zero, m, v, 1)
		for _, g := range s.layout.Groups() {
			optim.Average(average[g.Start:g.End], trained[g.Start:g.End], c.Training.EMA, 1)
		}
	}
	if slices.Equal(trained, start) {
		t.Fatal("weight decay changes nothing")
	}
	for file, want := range map[string]struct {
		suffix string
		arena  []float32
	}{"model.safetensors": {"", average}, "optimizer.safetensors": {".trained", trained}} {
		w, err := weights.Open(filepath.Join(folder, runfiles.LastCheckpoint, file))
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		compared := 0
		for _, x := range w.Tensors {
			values := s.layout.View(want.arena, strings.TrimSuffix(x.Name, want.suffix))
			if values == nil {
				continue // a moment
			}
			compared++
			if got := weightsOf(t, x); !slices.Equal(got, values) {
				t.Errorf("%s is not where weight decay takes it", x.Name)
			}
		}
		if compared != len(s.layout.Params) {
			t.Errorf("%s holds %d of %d parameters", file, compared, len(s.layout.Params))
		}
	}
}

func weightsOf(t *testing.T, x weights.Tensor) []float32 {
	t.Helper()
	data, err := x.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, len(data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return out
}
