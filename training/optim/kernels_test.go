package optim

import (
	"math"
	"math/rand/v2"
	"testing"
)

// edges are values at which float32 arithmetic changes its behaviour.
var edges = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 1e-8, -1e-8, 1e-3, 65504,
	math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, // denormals
	0x1p-127, -0x1.8p-130, 0x1p-126, // largest denormals and smallest normal
	0x1p-63, 0x1p-75, // squares at the edge of the denormals and below them
	math.MaxFloat32, -math.MaxFloat32, 0x1p64, // squares that overflow
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
}

// values returns n numbers, most of them of ordinary size and some of them edges.
func values(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		if r.IntN(4) == 0 {
			x[i] = edges[r.IntN(len(edges))]
		} else {
			x[i] = float32(r.NormFloat64() * math.Exp2(float64(r.IntN(40)-30)))
		}
	}
	return x
}

func clone(x []float32) []float32 { return append([]float32(nil), x...) }

// diff returns the first index at which bits differ, or -1. NaNs are equal whatever their payload: which of two
// operands' payloads a result has is left to the processor.
func diff(a, b []float32) int {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) && (a[i] == a[i] || b[i] == b[i]) {
			return i
		}
	}
	return -1
}

func sameBits(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
}

var kernelLengths = []int{0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 1000, 4099}

// TestAdamWAssembly compares the kernel in use with the Go code, bit by bit. Without AVX2 they are the same.
func TestAdamWAssembly(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	coeffs := []Coefficients{
		DefaultAdamW().Coefficients(1, 0, 1, Group{LRScale: 1}),
		DefaultAdamW().Coefficients(1, 1e-3, 1, Group{LRScale: 1, WeightDecay: 0.05}),
		DefaultAdamW().Coefficients(1000, 5e-4, 1.0/65536, Group{LRScale: 2.1e-5}),
		AdamW{0.5, 0.95, 1e-30}.Coefficients(3, 10, 0x1p100, Group{LRScale: 1, WeightDecay: 3}),
		AdamW{0, 0, 1e-8}.Coefficients(1, 1e-3, math.Inf(1), Group{LRScale: 1, WeightDecay: 0.1}),
	}
	for _, n := range kernelLengths {
		for k := range coeffs {
			p, g, m, v := values(r, n), values(r, n), values(r, n), values(r, n)
			for i := range v {
				v[i] = float32(math.Abs(float64(v[i])))
			}
			p2, g2, m2, v2 := clone(p), clone(g), clone(m), clone(v)
			adamw(p, g, m, v, &coeffs[k])
			adamwGo(p2, g2, m2, v2, &coeffs[k])
			for _, x := range []struct {
				name     string
				got, ref []float32
			}{{"p", p, p2}, {"g", g, g2}, {"m", m, m2}, {"v", v, v2}} {
				if i := diff(x.got, x.ref); i >= 0 {
					t.Fatalf("length %d, coefficients %d: %s[%d] is %v, in Go %v", n, k, x.name, i, x.got[i], x.ref[i])
				}
			}
		}
	}
}

// TestAdamWAssemblyEveryEdge puts every pair of edge values through the kernel as gradient and moment.
func TestAdamWAssemblyEveryEdge(t *testing.T) {
	var p, g, m, v []float32
	for _, a := range edges {
		for _, b := range edges {
			p, g, m, v = append(p, b), append(g, a), append(m, b), append(v, float32(math.Abs(float64(b))))
		}
	}
	c := DefaultAdamW().Coefficients(2, 1e-3, 1, Group{LRScale: 1, WeightDecay: 0.05})
	p2, m2, v2 := clone(p), clone(m), clone(v)
	adamw(p, g, m, v, &c)
	adamwGo(p2, g, m2, v2, &c)
	if i, j, k := diff(p, p2), diff(m, m2), diff(v, v2); i >= 0 || j >= 0 || k >= 0 {
		t.Fatalf("differs from Go at p[%d], m[%d], v[%d]", i, j, k)
	}
}

func TestNormAndAddAssembly(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range kernelLengths {
		for trial := range 20 {
			x, y := values(r, n), values(r, n)
			if trial > 0 { // most of the sums finite, so that more than NaN = NaN is seen
				for i, e := range x {
					if e != e || math.IsInf(float64(e), 0) {
						x[i] = math.MaxFloat32
					}
				}
			}
			if got, ref := sumSquares(x), sumSquaresGo(x); !sameBits(got, ref) {
				t.Fatalf("sum of squares of %d elements is %v, in Go %v", n, got, ref)
			}
			x2 := clone(x)
			add(x, y)
			addGo(x2, y)
			if i := diff(x, x2); i >= 0 {
				t.Fatalf("sum of %d elements: [%d] is %v, in Go %v", n, i, x[i], x2[i])
			}
		}
	}
}
