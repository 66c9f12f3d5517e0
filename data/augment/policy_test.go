package augment

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// TestPolicyDrawsAsTimm compares 10,000 images' ops with timm's: how many an image gets, how often each op comes, and
// the levels with their signs.
func TestPolicyDrawsAsTimm(t *testing.T) {
	var golden struct {
		Policies []struct {
			Policy          string
			Images          int
			Numbers, Levels []int
			Ops             map[string]int
			Mean, Deviation float64
		}
	}
	readJSON(t, "draws.json", &golden)
	for i, g := range golden.Policies {
		p, err := Parse(g.Policy)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(uint64(i), 7))
		numbers, counts, sizes := make([]int, len(g.Numbers)), map[string]int{}, []float64{}
		levels := make([]int, len(g.Levels))
		for range g.Images {
			d := p.Draw(rng)
			steps := d.Steps
			for _, c := range d.Mixture {
				steps = append(steps, c.Steps...)
			}
			numbers[len(steps)]++
			for _, s := range steps {
				counts[s.Name()]++
				if most := map[string]float64{"Rotate": 30, "ShearX": 0.3, "ShearY": 0.3}[s.Name()]; most > 0 {
					level := s.Arg / most * 10
					levels[min(int(level+20), len(levels)-1)]++
					sizes = append(sizes, math.Abs(level))
				}
			}
		}
		var ours, theirs []int
		for name, n := range g.Ops {
			ours, theirs = append(ours, counts[name]), append(theirs, n)
			delete(counts, name)
		}
		if len(counts) > 0 {
			t.Errorf("%s: timm does not draw %v", g.Policy, counts)
		}
		for name, pair := range map[string][2][]int{"number of ops": {numbers, g.Numbers}, "ops": {ours, theirs},
			"levels": {levels, g.Levels}} {
			if p := sameDistribution(pair[0], pair[1]); p < 0.001 {
				t.Errorf("%s: %s distributed otherwise, p = %g:\n%v\n%v", g.Policy, name, p, pair[0], pair[1])
			}
		}
		if len(sizes) == 0 {
			continue
		}
		mean, deviation := stat.PopMeanStdDev(sizes, nil)
		// Four standard errors of the difference of two means, and of two deviations.
		limit := 4*g.Deviation*math.Sqrt(2/float64(len(sizes))) + 1e-9
		if math.Abs(mean-g.Mean) > limit || math.Abs(deviation-g.Deviation) > limit {
			t.Errorf("%s: levels %.3f ± %.3f, timm's %.3f ± %.3f", g.Policy, mean, deviation, g.Mean, g.Deviation)
		}
	}
}

// forced is a source of random numbers: one for a choice among 25, then always the same.
type forced struct{ values []uint64 }

func (f *forced) Uint64() uint64 {
	v := f.values[0]
	if len(f.values) > 1 {
		f.values = f.values[1:]
	}
	return v
}

// TestAutoAugmentAsTimm: each pair of a policy, with draws that are forced, makes timm's pixels.
func TestAutoAugmentAsTimm(t *testing.T) {
	var golden []struct {
		Policy string
		U      float64
		SHA256 []string
	}
	readJSON(t, "pairs.json", &golden)
	mosaic := testImages(t)["mosaic"]
	for _, g := range golden {
		p, err := Parse(g.Policy)
		if err != nil || len(p.pairs) != len(g.SHA256) {
			t.Fatalf("%s: %v", g.Policy, err)
		}
		for i, want := range g.SHA256 {
			choice := uint64((float64(i)+0.5)/float64(len(g.SHA256))*(1<<32)) << 32
			d := p.Draw(rand.New(&forced{[]uint64{choice, uint64(g.U * (1 << 53))}}))
			if digest(t, d.Apply(mosaic, imageNetFill)) != want {
				t.Errorf("%s, pair %d at %g: pixels differ, %+v", g.Policy, i, g.U, d.Steps)
			}
		}
	}
	for policy, want := range map[string]bool{"3a": true, "3a-mstd1": true, "rand-m5-t3aw": true, "v0": false, "augmix": false} {
		if p, err := Parse(policy); err != nil || p.TakesJitter() != want {
			t.Errorf("%s: %v", policy, err)
		}
	}
}

// TestRandAugmentInTheory: rand-m9-mstd0.5-inc1 applies each of two draws of 15 ops with probability 1/2, at N(9, 0.5)
// clipped to 10.
func TestRandAugmentInTheory(t *testing.T) {
	p, err := Parse("rand-m9-mstd0.5-inc1")
	if err != nil {
		t.Fatal(err)
	}
	const images = 10_000
	rng := rand.New(rand.NewPCG(8, 8))
	numbers, counts := make([]float64, 3), map[string]float64{}
	edges := []float64{0, 8, 8.5, 9, 9.5, 10, 11} // of bins of levels; the last is 10 itself
	levels := make([]float64, len(edges)-1)
	for range images {
		d := p.Draw(rng)
		numbers[len(d.Steps)]++
		for _, s := range d.Steps {
			counts[s.Name()]++
			if s.Name() != "Rotate" {
				continue
			}
			for k := range levels {
				if l := math.Abs(s.Arg) / 30 * 10; l >= edges[k]-1e-9 && l < edges[k+1]-1e-9 {
					levels[k]++
				}
			}
		}
	}
	test := func(name string, got, share []float64, n float64) {
		t.Helper()
		want := make([]float64, len(share))
		for i := range share {
			want[i] = n * share[i]
		}
		if p := (distuv.ChiSquared{K: float64(len(got) - 1)}).Survival(stat.ChiSquare(got, want)); p < 0.001 {
			t.Errorf("%s: p = %g: %v, want %v", name, p, got, want)
		}
	}
	test("number of ops", numbers, []float64{0.25, 0.5, 0.25}, images)
	var frequency, even, expected []float64
	total := 0.0
	for _, n := range counts {
		frequency, even, total = append(frequency, n), append(even, 1./15), total+n
	}
	if len(counts) != 15 {
		t.Fatalf("%d ops", len(counts))
	}
	test("ops", frequency, even, total)
	normal := distuv.Normal{Mu: 9, Sigma: 0.5}
	for k := range levels {
		high := 1.0
		if edges[k+1] <= 10 {
			high = normal.CDF(edges[k+1])
		}
		expected = append(expected, high-normal.CDF(edges[k]))
	}
	expected[0] += normal.CDF(0)
	test("levels", levels, expected, counts["Rotate"])
}

func TestParseRefuses(t *testing.T) {
	for policy, want := range map[string]string{
		"random-m9":                  `"random" is not known`,
		"v1":                         `"v1" is not known; known are 3a, augmix, original, originalr, rand, v0, v0r`,
		"original-m9":                `the part "m9" is not known; known are mstd`,
		"rand-":                      `the part "" is not known; known are m, n, p, mstd, mmax, inc, t`,
		"rand-m9-x5":                 `the part "x5" is not known; known are m, n, p, mstd, mmax, inc, t`,
		"rand-m9-w0":                 `the part "w0" is not known`,
		"rand-m":                     `the part "m": m needs an integer of at least 0`,
		"rand-m9.5":                  `the part "m9.5": m needs an integer`,
		"rand-m9-m8":                 `the part "m8" sets m again`,
		"rand-n0":                    `the part "n0": n needs an integer of at least 1`,
		"rand-p1.5":                  `the part "p1.5": p needs a number from 0 to 1`,
		"rand-mstdx":                 `the part "mstdx" is not known`,
		"rand-mstdNaN":               `the part "mstdNaN": mstd needs a number of at least 0`,
		"rand-tall":                  `the part "tall": the sets of ops are 3a, 3aw and weights`,
		"rand-n16-tweights":          `the part "n16": this set has only 15 ops`,
		"3a-m5":                      `the part "m5" is not known; known are mstd`,
		"augmix-w0":                  `the part "w0": w needs an integer of at least 1`,
		"augmix-a0":                  `the part "a0": alpha must be above 0`,
		"augmix-b1":                  `the part "b1" is not known; known are m, w, d, a, mstd`,
		"rand-m9-mstd0.5-inc1-":      `the part "" is not known`,
		"rand-m99999999999999999999": `m needs an integer`,
	} {
		if _, err := Parse(policy); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", policy, err, want)
		}
	}
}

// TestJitter: the six orders are equally likely, and factors uniform.
func TestJitter(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	orders, factors := map[string]int{}, make([]int, 10)
	for range 6000 {
		order := ""
		for _, s := range DrawJitter(rng, 1.5) {
			order += s.Name() + " "
			factors[int(s.Arg/2.5*10)]++ // from 0, not -0.5, to 2.5
		}
		orders[order]++
	}
	var counts, even []int
	for _, n := range orders {
		counts, even = append(counts, n), append(even, 1000)
	}
	if p := sameDistribution(counts, even); len(orders) != 6 || p < 0.001 {
		t.Errorf("orders %v", orders)
	}
	if p := sameDistribution(factors, []int{1800, 1800, 1800, 1800, 1800, 1800, 1800, 1800, 1800, 1800}); p < 0.001 {
		t.Errorf("factors %v", factors)
	}
	for _, s := range DrawJitter(rng, 0.25) {
		if s.Arg < 0.75 || s.Arg > 1.25 {
			t.Errorf("%s by %v", s.Name(), s.Arg)
		}
	}
}

func ExampleParse() {
	_, err := Parse("rand-m9-mst0.5")
	fmt.Println(err)
	// Output: the part "mst0.5" is not known; known are m, n, p, mstd, mmax, inc, t, each followed by its value
}
