package gpu_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"fovea/internal/numbers"
	"fovea/onnx/cuda"
	"fovea/tools/cudastub"
	"fovea/training/optim"
	"fovea/training/optim/gpu"
)

// both is a training on the CPU and on the GPU, whose arenas begin alike.
type both struct {
	t      *testing.T
	layout optim.Layout
	adamw  optim.AdamW

	device    *cuda.Device
	stream    *cuda.Stream
	optimizer *gpu.Optimizer
	rng       *rand.Rand

	// Arenas: parameters, gradients, moment1, moment2, and sums and average where there are.
	cpu map[string][]float32
	gpu map[string]*cuda.Memory
}

const decay = 0.9998

// layout has tensors of odd sizes, some longer than a chunk of the norm and than a piece of a kernel. With frozen,
// nothing before the third is trained, nor is the fifth.
func layout(t *testing.T, frozen bool) optim.Layout {
	t.Helper()
	var tensors []optim.Tensor
	for i, n := range []int64{1, 13, 70_001, 5, 8_193, 150_007, 17} {
		tensors = append(tensors, optim.Tensor{Name: fmt.Sprint(i), Shape: []int64{n}, Layer: i / 2, Decay: i%3 > 0})
	}
	l, err := optim.NewLayout(tensors, optim.Decay{Layer: 0.65, Weight: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	if frozen {
		l.Freeze(func(p optim.Param) bool { return p.Name < "2" || p.Name == "4" })
	}
	return l
}

// train runs f with the stand-in GPU, and wants all given back behind it.
func train(t *testing.T, l optim.Layout, adamw optim.AdamW, micros int, average bool, f func(b *both)) {
	cudastub.Run(t, func(t *testing.T) {
		d, err := cuda.Open(0)
		ok(t, err)
		before := cudastub.Live(t)
		s, err := d.NewStream()
		ok(t, err)
		b := &both{t: t, layout: l, adamw: adamw, device: d, stream: s, rng: rand.New(rand.NewPCG(1, 2)),
			cpu: map[string][]float32{}, gpu: map[string]*cuda.Memory{}}
		names := []string{"parameters", "gradients", "moment1", "moment2"}
		for i := range optim.SumArenas(optim.Whole(micros)) {
			names = append(names, sumName(i))
		}
		if average {
			names = append(names, "average")
		}
		for _, name := range names {
			b.cpu[name] = make([]float32, l.Size)
			b.gpu[name], err = d.Allocate(4 * l.Size)
			ok(t, err)
		}
		for _, name := range []string{"parameters", "average"} {
			if b.cpu[name] != nil {
				b.fill(name, 1)
			}
		}
		arenas := gpu.Arenas{Parameters: b.gpu["parameters"], Gradients: b.gpu["gradients"], Moment1: b.gpu["moment1"],
			Moment2: b.gpu["moment2"], Average: b.gpu["average"]}
		for i := range optim.SumArenas(optim.Whole(micros)) {
			arenas.Sums = append(arenas.Sums, b.gpu[sumName(i)])
		}
		b.optimizer, err = gpu.New(d, s, l, adamw, decay, micros, arenas)
		ok(t, err)
		f(b)
		ok(t, b.optimizer.Close(), s.Close())
		for _, m := range b.gpu {
			ok(t, m.Free())
		}
		if after := cudastub.Live(t); after != before {
			t.Errorf("live: %+v, before %+v", after, before)
		}
		ok(t, d.Close())
	})
}

func ok(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// fill draws an arena's elements. Those between parameters stay zero, and the gradients of frozen parameters.
func (b *both) fill(name string, size float64) {
	b.t.Helper()
	for _, p := range b.layout.Params {
		if p.Frozen && name == "gradients" {
			continue
		}
		x := p.View(b.cpu[name])
		for i := range x {
			x[i] = float32(b.rng.NormFloat64() * size * math.Exp2(float64(b.rng.IntN(20)-15)))
		}
	}
	b.upload(name)
}

func (b *both) upload(name string) {
	b.t.Helper()
	ok(b.t, b.stream.Upload(b.gpu[name], 0, numbers.Bytes(b.cpu[name])))
}

// sumName returns the name of an arena of the sum.
func sumName(i int) string { return fmt.Sprintf("sum %d", i) }

// accumulate takes the gradients of a micro-batch into the sum on both.
func (b *both) accumulate(micro, micros int) {
	b.t.Helper()
	ok(b.t, b.optimizer.Accumulate(micro))
	var sums [][]float32
	from := b.layout.TrainedFrom()
	for i := range optim.SumArenas(optim.Whole(micros)) {
		sums = append(sums, b.cpu[sumName(i)][from:])
	}
	_, err := optim.Accumulate(micro, optim.Whole(micros), b.cpu["gradients"][from:], sums, func(to, from []float32) error {
		optim.Add(to, from, 0)
		return nil
	}, func(to, from []float32) error {
		copy(to, from)
		return nil
	})
	ok(b.t, err)
}

// update takes a step on both and returns the GPU's status. It fails where they differ.
func (b *both) update(step int64, rate, divisor, clip float64, skip bool) gpu.Status {
	b.t.Helper()
	status := make([]byte, gpu.StatusBytes)
	ok(b.t, b.optimizer.Update(step, rate, divisor, clip, skip), b.optimizer.Download(status))
	got := gpu.ReadStatus(status)

	gradients := b.cpu[sumName(0)]
	if gradients == nil {
		gradients = b.cpu["gradients"]
	}
	norm := optim.Norm(gradients[b.layout.TrainedFrom():], 0)
	scaled := norm / divisor
	scale := optim.ClipScale(scaled, clip) / divisor
	finite := !math.IsNaN(scaled) && !math.IsInf(scaled, 0)
	if !same64(got.Norm, scaled) || !same64(math.Sqrt(got.Squares), norm) || !same(got.Scale, float32(scale)) ||
		got.Finite() != finite {
		b.t.Errorf("step %d: %+v, on the CPU the norm is %v and the scale %v", step, got, scaled, scale)
	}
	if finite || !skip {
		groups := b.layout.Groups()
		b.adamw.Step(step, rate, scale, groups, b.cpu["parameters"], gradients, b.cpu["moment1"], b.cpu["moment2"], 0)
		if average := b.cpu["average"]; average != nil {
			for _, g := range groups {
				optim.Average(average[g.Start:g.End], b.cpu["parameters"][g.Start:g.End], decay, 0)
			}
		}
	}
	b.compare(step)
	return got
}

func (b *both) compare(step int64) {
	b.t.Helper()
	for name, want := range b.cpu {
		got := make([]float32, len(want))
		ok(b.t, b.stream.Download(numbers.Bytes(got), b.gpu[name], 0))
		for i := range got {
			if !same(got[i], want[i]) {
				b.t.Fatalf("step %d: %s[%d] is %v, on the CPU %v", step, name, i, got[i], want[i])
			}
		}
	}
}

// NaNs are alike whatever their payload.
func same(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

func same64(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b }

// Every arena has the CPU's bits after each step.
func TestCUDASteps(t *testing.T) {
	for _, c := range []struct {
		name            string
		frozen, average bool
		adamw           optim.AdamW
		micro           int
		lossScale, clip float64
	}{
		{"plain", false, false, optim.DefaultAdamW(), 1, 1, 0},
		{"clipped", false, true, optim.DefaultAdamW(), 1, 1, 0.01},
		{"clipping that does not clip", false, false, optim.AdamW{Beta1: 0, Beta2: 0.5, Eps: 1e-3}, 1, 1, 1e9},
		{"accumulated", false, true, optim.DefaultAdamW(), 3, 1, 1},
		{"accumulated in three arenas", true, false, optim.DefaultAdamW(), 11, 1, 1},
		{"frozen and scaled", true, true, optim.AdamW{Beta1: 0.9, Beta2: 0.95, Eps: 1e-6}, 2, 65536, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			train(t, layout(t, c.frozen), c.adamw, c.micro, c.average, func(b *both) {
				for step := int64(1); step <= 6; step++ {
					for micro := range c.micro {
						b.fill("gradients", c.lossScale)
						b.accumulate(micro, c.micro)
					}
					s := b.update(step, 1e-3/float64(step), c.lossScale*float64(c.micro), c.clip, true)
					unclipped := float32(1 / (c.lossScale * float64(c.micro)))
					if clips := c.clip > 0 && c.clip < s.Norm; clips != (s.Scale < unclipped) {
						t.Errorf("step %d: %+v at clip %v", step, s, c.clip)
					}
				}
			})
		})
	}
}

// A gradient that is not finite changes nothing where that is asked for, and all that it would on the CPU elsewhere.
func TestCUDAOverflow(t *testing.T) {
	train(t, layout(t, false), optim.DefaultAdamW(), 1, true, func(b *both) {
		step := int64(1)
		finite := func(at int) {
			b.fill("gradients", 1)
			if s := b.update(step, 1e-3, 1, 1, true); !s.Finite() {
				b.t.Errorf("%d: %+v", at, s)
			}
			step++
		}
		for _, p := range b.layout.Params {
			for i, bad := range []float32{float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())} {
				at := p.Offset + (p.Size-1)*i/2
				finite(at)
				b.cpu["gradients"][at] = bad
				b.upload("gradients")
				if s := b.update(step, 1e-3, 1, 1, true); s.Finite() {
					b.t.Errorf("with %v at %d: %+v", bad, at, s)
				}
			}
		}
		finite(-1)
		b.fill("gradients", 1)
		b.cpu["gradients"][1000] = math.MaxFloat32
		b.upload("gradients")
		if s := b.update(step, 1e-3, 1, 0, true); !s.Finite() { // the square of the largest is finite
			b.t.Errorf("%+v", s)
		}
		b.cpu["gradients"][1000] = float32(math.Inf(1))
		b.upload("gradients")
		b.update(step+1, 1e-3, 1, 0, false)
		if x := b.cpu["parameters"][1000]; x == x {
			b.t.Errorf("without skipping the parameter is %v", x)
		}
	})
}

// Values at which arithmetic changes its behaviour: denormals, squares that vanish or overflow.
func TestCUDAEdges(t *testing.T) {
	edges := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 1e-8, math.SmallestNonzeroFloat32, 0x1p-127,
		-0x1.8p-130, 0x1p-126, 0x1p-63, -0x1p-75, math.MaxFloat32, -math.MaxFloat32, 0x1p64, 65504}
	train(t, layout(t, false), optim.AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-30}, 1, true, func(b *both) {
		for step := int64(1); step <= 2; step++ {
			for _, name := range []string{"gradients", "moment1", "moment2", "parameters", "average"} {
				for _, p := range b.layout.Params {
					x := p.View(b.cpu[name])
					for i := range x {
						x[i] = edges[b.rng.IntN(len(edges))]
						if name == "moment2" {
							x[i] = float32(math.Abs(float64(x[i])))
						}
					}
				}
				b.upload(name)
			}
			b.update(step, 1e-3, 1, 0, true)
		}
	})
}

func TestCUDARefusals(t *testing.T) {
	l := layout(t, false)
	train(t, l, optim.DefaultAdamW(), 1, false, func(b *both) {
		a := gpu.Arenas{Parameters: b.gpu["parameters"], Gradients: b.gpu["gradients"], Moment1: b.gpu["moment1"],
			Moment2: b.gpu["moment2"]}
		refused := func(want string, l optim.Layout, a gpu.Arenas) {
			b.t.Helper()
			if _, err := gpu.New(b.device, b.stream, l, b.adamw, 0, 1, a); err == nil || !strings.Contains(err.Error(), want) {
				b.t.Errorf("the error is %v, want one with %q", err, want)
			}
		}
		a.Sums = []*cuda.Memory{b.gpu["gradients"]}
		refused("1 arenas for the sum of 1 micro-batches, want 0", l, a)
		a.Sums = nil
		missing := a
		missing.Moment1 = nil
		refused("no arena of first moments", l, missing)
		l.Size += 16
		refused("the layout", l, a)
		l.Size -= 16
		l.Freeze(func(optim.Param) bool { return true })
		refused("frozen", l, a)
		l.Freeze(func(optim.Param) bool { return false })
		b.t.Setenv("FOVEA_CUDA_STUB_MEMORY", fmt.Sprint(16*l.Size+500))
		before := cudastub.Live(b.t)
		refused("out of memory", l, a)
		if after := cudastub.Live(b.t); after != before {
			b.t.Errorf("live after New failed: %+v, before %+v", after, before)
		}
		if err := b.optimizer.Download(make([]byte, 1)); err == nil {
			b.t.Error("a status of one byte is no error")
		}
	})
}
