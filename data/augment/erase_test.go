package augment

import (
	"image"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"
)

// TestEraseDrawsAsTimm compares number, area, ratio and place of the boxes.
func TestEraseDrawsAsTimm(t *testing.T) {
	var golden struct {
		Erasing []struct {
			Probability         float64
			Count, Images, Side int
			Numbers             []int
			Histograms          map[string]struct {
				Low, High float64
				Counts    []int
			}
		}
	}
	readJSON(t, "draws.json", &golden)
	for i, g := range golden.Erasing {
		e := Eraser{Probability: g.Probability, Mode: ErasePixel, Count: g.Count}
		rng := rand.New(rand.NewPCG(uint64(i), 10))
		numbers, counts := make([]int, len(g.Numbers)), map[string][]int{}
		for name, h := range g.Histograms {
			counts[name] = make([]int, len(h.Counts))
		}
		side := float64(g.Side)
		for range g.Images {
			boxes := e.Draw(rng, g.Side)
			numbers[len(boxes)]++
			for _, b := range boxes {
				w, h := float64(b.Dx()), float64(b.Dy())
				values := map[string]float64{"area": w * h / side / side, "log_ratio": math.Log(h / w)}
				if len(boxes) == 1 {
					values["top"], values["left"] = float64(b.Min.Y)/side, float64(b.Min.X)/side
				}
				for name, v := range values {
					x := g.Histograms[name]
					counts[name][int((v-x.Low)/(x.High-x.Low)*float64(len(x.Counts)))]++
				}
			}
		}
		if p := sameDistribution(numbers, g.Numbers); p < 0.001 {
			t.Errorf("up to %d boxes: p = %g:\n%v\n%v", g.Count, p, numbers, g.Numbers)
		}
		for name, h := range g.Histograms {
			if p := sameDistribution(counts[name], h.Counts); p < 0.001 {
				t.Errorf("up to %d boxes: %s distributed otherwise, p = %g:\n%v\n%v", g.Count, name, p, counts[name], h.Counts)
			}
		}
	}
}

// TestEraseModes: boxes hold noise, a colour or 0, and the rest stays.
func TestEraseModes(t *testing.T) {
	const side = 64
	box := image.Rect(3, 20, 60, 50)
	for _, mode := range []EraseMode{ErasePixel, EraseRand, EraseConst} {
		x := make([]float32, 3*side*side)
		for i := range x {
			x[i] = 100
		}
		Eraser{Mode: mode}.Apply(x, side, []image.Rectangle{box}, rand.New(rand.NewPCG(11, 11)))
		var inside []float64
		distinct := map[float32]bool{}
		for i, v := range x {
			if !image.Pt(i%side, i/side%side).In(box) {
				if v != 100 {
					t.Fatalf("%s: value %d outside the box is %v", mode, i, v)
				}
				continue
			}
			inside = append(inside, float64(v))
			distinct[v] = true
		}
		mean, deviation := stat.MeanStdDev(inside, nil)
		switch {
		case mode == EraseConst && (len(distinct) != 1 || !distinct[0]),
			mode == EraseRand && len(distinct) != 3, // one a channel
			mode == ErasePixel && (math.Abs(mean) > 0.05 || math.Abs(deviation-1) > 0.05):
			t.Errorf("%s: %d distinct values, %.3f ± %.3f", mode, len(distinct), mean, deviation)
		}
	}
}
