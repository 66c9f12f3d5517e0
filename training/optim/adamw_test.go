package optim

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
)

func readJSON(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// fillUniform fills x with the numbers in [-1, 1) that tools/oracle/adamw.py draws for a name and a step: splitmix64
// from a start that FNV-1a makes of the name.
func fillUniform(x []float32, name string, step uint64) {
	start := uint64(0xCBF29CE484222325)
	for _, b := range []byte(name) {
		start = (start ^ uint64(b)) * 0x100000001B3
	}
	start += step * 0xD1342543DE82EF95
	for i := range x {
		z := start + uint64(i+1)*0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		x[i] = float32(z>>40)*0x1p-23 - 1
	}
}

// TestStepsFollowPyTorch repeats ten steps of torch.optim.AdamW with layer decay, warm-up, cosine, clipping, two
// micro-batches and a loss scale, through the package's public functions.
func TestStepsFollowPyTorch(t *testing.T) {
	var golden struct {
		Depth                     int
		LayerDecay                float64 `json:"layer_decay"`
		WeightDecay               float64 `json:"weight_decay"`
		Base, Min, Warmup, Epochs float64
		StepsPerEpoch             float64 `json:"steps_per_epoch"`
		Steps                     int64
		MaxNorm                   float64 `json:"max_norm"`
		LossScale                 float64 `json:"loss_scale"`
		Rates, Norms              []float64
		Params                    []Tensor
	}
	readJSON(t, "steps.json", &golden)
	for i, x := range golden.Params {
		golden.Params[i] = ofViT(x.Name, x.Shape, golden.Depth)
	}
	l, err := NewLayout(golden.Params, Decay{golden.LayerDecay, golden.WeightDecay})
	if err != nil {
		t.Fatal(err)
	}
	p, g, micro := make([]float32, l.Size), make([]float32, l.Size), make([]float32, l.Size)
	m, v := make([]float32, l.Size), make([]float32, l.Size)
	for _, param := range l.Params {
		fillUniform(param.View(p), param.Name, 0)
	}
	schedule := Schedule{golden.Base, golden.Min, golden.Warmup, golden.Epochs}
	gradients := func(arena []float32, step, micro int64) {
		for _, param := range l.Params {
			x := param.View(arena)
			fillUniform(x, param.Name, uint64(2*step+micro))
			for i := range x {
				x[i] *= float32(math.Ldexp(golden.LossScale, int(-step)))
			}
		}
	}
	for step := int64(1); step <= golden.Steps; step++ {
		gradients(g, step, 0)
		gradients(micro, step, 1)
		Add(g, micro, 0)
		scale := 1 / (2 * golden.LossScale)
		norm := Norm(g, 0) * scale
		if want := golden.Norms[step-1]; math.Abs(norm-want) > 1e-6*want {
			t.Errorf("step %d: norm %v, PyTorch %v", step, norm, want)
		}
		scale *= ClipScale(norm, golden.MaxNorm)
		lr := schedule.Rate(float64(step-1) / golden.StepsPerEpoch)
		if want := golden.Rates[step-1]; math.Abs(lr-want) > 1e-12*want {
			t.Errorf("step %d: rate %v, PyTorch %v", step, lr, want)
		}
		DefaultAdamW().Step(step, lr, scale, l.Groups(), p, g, m, v, 0)
	}

	raw, err := os.ReadFile("testdata/steps.bin")
	if err != nil {
		t.Fatal(err)
	}
	var worst, worstTensor float64
	var worstName string
	for _, param := range l.Params {
		var maxDiff, maxAbs float64
		for i, got := range param.View(p) {
			want := float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
			d := math.Abs(float64(got) - want)
			maxDiff, maxAbs = max(maxDiff, d), max(maxAbs, math.Abs(want))
			if d/math.Abs(want) > worst {
				worst, worstName = d/math.Abs(want), param.Name
			}
		}
		worstTensor = max(worstTensor, maxDiff/maxAbs)
		raw = raw[4*param.Size:]
	}
	t.Logf("largest relative difference: %.3g of an element (%s), %.3g of a tensor's largest", worst, worstName,
		worstTensor)
	if worst > 1e-5 {
		t.Errorf("an element of %s differs from PyTorch by %.3g of its value, want at most 1e-5", worstName, worst)
	}
	checkGaps(t, l, map[string][]float32{"params": p, "grads": g, "m": m, "v": v})
}

// checkGaps fails if an element between two parameters is not zero.
func checkGaps(t *testing.T, l Layout, arenas map[string][]float32) {
	t.Helper()
	inside := make([]bool, l.Size)
	for _, p := range l.Params {
		for i := range p.Size {
			inside[p.Offset+i] = true
		}
	}
	for name, a := range arenas {
		for i, e := range a {
			if !inside[i] && e != 0 {
				t.Errorf("%s[%d], between parameters, is %v, want 0", name, i, e)
			}
		}
	}
}

// TestStepWorkers wants the same bits from any number of workers, over more than one chunk and group.
func TestStepWorkers(t *testing.T) {
	const n = 5*Chunk + 48
	groups := []Group{{0, 64, 0.1, 0}, {64, 2*Chunk + 16, 1, 0.05}, {2*Chunk + 16, n, 0.5, 0}}
	var ref []float32
	for _, workers := range []int{1, 2, 3, 16, 0} {
		p, g, m, v := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
		fillUniform(p, "p", 0)
		for step := int64(1); step <= 3; step++ {
			fillUniform(g, "g", uint64(step))
			DefaultAdamW().Step(step, 1e-2, 1, groups, p, g, m, v, workers)
		}
		if ref == nil {
			ref = p
		}
		if i := diff(p, ref); i >= 0 {
			t.Errorf("%d workers: p[%d] is %v, with one worker %v", workers, i, p[i], ref[i])
		}
	}
}

func TestStepTouchesOnlyGroups(t *testing.T) {
	p, g, m, v := make([]float32, 96), make([]float32, 96), make([]float32, 96), make([]float32, 96)
	for i := range g {
		p[i], g[i] = 1, 1
	}
	DefaultAdamW().Step(1, 0.1, 1, []Group{{32, 64, 1, 0}}, p, g, m, v, 0)
	for i := range p {
		if changed := p[i] != 1 || m[i] != 0 || v[i] != 0; changed != (32 <= i && i < 64) {
			t.Errorf("element %d changed: %v", i, changed)
		}
	}
}
