package augment

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"math/rand/v2"
	"testing"
)

// Labels and shape of the batch in tools/oracle/mix.py.
var mixLabels = []int{0, 3, 1, 2, 2, 0}

const mixSide, mixClasses = 24, 4

func mixBatch(smoothing float64) (images, targets []float32) {
	images = make([]float32, len(mixLabels)*3*mixSide*mixSide)
	for i := range images {
		images[i] = float32(float64((i*i*37+i*11)%2003)/500 - 2)
	}
	targets = make([]float32, len(mixLabels)*mixClasses)
	for i := range targets {
		targets[i] = float32(smoothing / mixClasses)
		if mixLabels[i/mixClasses] == i%mixClasses {
			targets[i] = float32(1 - smoothing + smoothing/mixClasses)
		}
	}
	return images, targets
}

// mixGoldens names what each version of timm made.
var mixGoldens = map[string]Mixer{"mix.json": {}, "mix_timm_0.9.json": {Timm09: true}}

// TestMixAsTimm forces timm's decisions: images are equal bit for bit.
func TestMixAsTimm(t *testing.T) {
	for file, m := range mixGoldens {
		t.Run(file, func(t *testing.T) { mixesAsTimm(t, file, m) })
	}
}

func mixesAsTimm(t *testing.T, file string, mixer Mixer) {
	var golden struct {
		Cases []struct {
			Mode      MixMode
			Lambdas   []float64
			CutMix    []bool
			Integers  []int
			MinMax    [2]float64
			Smoothing float64
			SHA256    string
			Targets   []float32
		}
	}
	readJSON(t, file, &golden)
	for i, c := range golden.Cases {
		next := func() int {
			n := c.Integers[0]
			c.Integers = c.Integers[1:]
			return n
		}
		d := Mixing{Side: mixSide, Images: make([]Mix, len(mixLabels))}
		for k := range d.Images {
			var m Mix
			switch from := len(d.Images) - 1 - k; {
			case k < len(c.Lambdas) && c.CutMix[k] && c.MinMax[1] > 0:
				h, w, top, left := next(), next(), next(), next()
				m = cut(image.Rect(left, top, left+w, top+h), mixSide)
			case k < len(c.Lambdas) && c.CutMix[k]:
				y, x := next(), next()
				m = cut(mixer.boxAround(image.Pt(x, y), c.Lambdas[k], mixSide), mixSide)
			case k < len(c.Lambdas):
				m = blend(c.Lambdas[k])
			case c.Mode == MixPair:
				m = d.Images[from]
			default:
				m = d.Images[0]
			}
			if c.Mode != MixBatch {
				m = m.narrow()
			}
			d.Images[k] = m
		}
		images, targets := mixBatch(c.Smoothing)
		d.Apply(images, targets)
		var file bytes.Buffer
		if err := binary.Write(&file, binary.LittleEndian, images); err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(file.Bytes()); hex.EncodeToString(sum[:]) != c.SHA256 {
			t.Errorf("case %d, %s: the images differ", i, c.Mode)
		}
		for k, want := range c.Targets {
			if d := targets[k] - want; d > 1e-7 || d < -1e-7 {
				t.Errorf("case %d, %s: target %d is %v, want %v", i, c.Mode, k, targets[k], want)
			}
		}
	}
}

// TestMixDraws compares histograms of draws with timm's.
func TestMixDraws(t *testing.T) {
	for file, m := range mixGoldens {
		t.Run(file, func(t *testing.T) { drawsAsTimm(t, file, m) })
	}
}

func drawsAsTimm(t *testing.T, file string, m Mixer) {
	var golden struct {
		Draws []struct {
			Mixup, CutMix, Probability, Switch float64
			MinMax                             [2]float64
			Draws, Side                        int
			Counts, Lambda, Left, Top          []int
		}
	}
	readJSON(t, file, &golden)
	for i, c := range golden.Draws {
		m := Mixer{c.Mixup, c.CutMix, c.MinMax, c.Probability, c.Switch, MixElem, m.Timm09}
		counts := make([]int, 3)
		lambda, left, top := make([]int, 20), make([]int, 20), make([]int, 20)
		for _, x := range m.Draw(rand.New(rand.NewPCG(uint64(i), 3)), c.Draws, c.Side).Images {
			switch {
			case x.CutMix:
				counts[2]++
				left[x.Box.Min.X*20/c.Side]++
				top[x.Box.Min.Y*20/c.Side]++
			case x.Lambda < 1:
				counts[1]++
			default:
				counts[0]++
				continue
			}
			lambda[min(int(x.Lambda*20), 19)]++
		}
		for name, pair := range map[string][2][]int{"kind": {counts, c.Counts}, "lambda": {lambda, c.Lambda},
			"left": {left, c.Left}, "top": {top, c.Top}} {
			if p := sameDistribution(pair[0], pair[1]); p < 0.001 {
				t.Errorf("draws %d: %s is distributed otherwise, p = %g:\n%v\n%v", i, name, p, pair[0], pair[1])
			}
		}
	}
}

// TestMixModes: a batch shares one draw, a pair shares one, elements share none.
func TestMixModes(t *testing.T) {
	const n = 8
	for mode, want := range map[MixMode]int{MixBatch: 1, MixPair: n / 2, MixElem: n} {
		m := Mixer{Mixup: 0.8, CutMix: 1, Probability: 1, Switch: 0.5, Mode: mode}
		distinct := map[string]bool{}
		for _, x := range m.Draw(rand.New(rand.NewPCG(4, 4)), n, 64).Images {
			distinct[fmt.Sprint(x)] = true
		}
		if len(distinct) != want {
			t.Errorf("%s: %d draws, want %d", mode, len(distinct), want)
		}
	}
	tiny := Mixer{Mixup: 1e-4, Probability: 1, Mode: MixElem}
	for _, x := range tiny.Draw(rand.New(rand.NewPCG(5, 5)), 1000, 8).Images {
		if !(x.Lambda >= 0 && x.Lambda <= 1) {
			t.Fatalf("alpha 1e-4: lambda %v", x.Lambda)
		}
	}
}

func BenchmarkMix(b *testing.B) {
	const n, side = 16, 224
	images, targets := make([]float32, n*3*side*side), make([]float32, n*5)
	for name, m := range map[string]Mixer{
		"mixup":  {Mixup: 0.8, Probability: 1, Mode: MixBatch},
		"cutmix": {CutMix: 1, Probability: 1, Mode: MixBatch},
	} {
		b.Run(name, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(0, 0))
			for b.Loop() {
				m.Draw(rng, n, side).Apply(images, targets)
			}
		})
	}
}
