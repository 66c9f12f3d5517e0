package optim

import (
	"math"
	"math/big"
	"testing"
)

// TestNorm compares with a sum in 200 bits. Each of the 32 partial sums of a chunk has 2048 additions, hence an error
// of at most 2048 · 2⁻⁵³ ≈ 2e-13; squares of 24-bit fractions always round to the same side.
func TestNorm(t *testing.T) {
	for _, n := range []int{0, 1, 33, 1000, Chunk - 1, Chunk, 3*Chunk + 17} {
		x := make([]float32, n)
		fillUniform(x, "norm", uint64(n))
		sum := new(big.Float).SetPrec(200)
		for _, e := range x {
			f := new(big.Float).SetPrec(200).SetFloat64(float64(e))
			sum.Add(sum, f.Mul(f, f))
		}
		want, _ := new(big.Float).SetPrec(200).Sqrt(sum).Float64()
		one := Norm(x, 1)
		if math.Abs(one-want) > 1e-13*want {
			t.Errorf("norm of %d elements is %v, want %v (%.3g off)", n, one, want, one/want-1)
		}
		for _, workers := range []int{2, 3, 7, 0} {
			if got := Norm(x, workers); got != one {
				t.Errorf("norm of %d elements with %d workers is %v, with one %v", n, workers, got, one)
			}
		}
	}
}

func TestNormNotFinite(t *testing.T) {
	inf, nan := float32(math.Inf(-1)), float32(math.NaN())
	for _, at := range []int{0, 31, Chunk + 5, 2*Chunk + 2} {
		x := make([]float32, 2*Chunk+3)
		x[at] = inf
		if got := Norm(x, 0); !math.IsInf(got, 1) {
			t.Errorf("norm with an infinite element %d is %v", at, got)
		}
		x[at] = nan
		if got := Norm(x, 0); !math.IsNaN(got) {
			t.Errorf("norm with a NaN element %d is %v", at, got)
		}
	}
	large := []float32{math.MaxFloat32, math.MaxFloat32}
	if got, want := Norm(large, 0), math.MaxFloat32*math.Sqrt2; math.Abs(got-want) > 1e-14*want {
		t.Errorf("norm of the two largest numbers is %v, want %v", got, want)
	}
}

func TestClipScale(t *testing.T) {
	for _, c := range []struct{ norm, maxNorm, want float64 }{
		{0, 1, 1},
		{0.5, 1, 1},
		{1, 1, 1 / (1 + 1e-6)},
		{4, 1, 1 / (4 + 1e-6)},
		{4, 2, 2 / (4 + 1e-6)},
		{4, 0, 1},
		{math.Inf(1), 1, 0},
	} {
		if got := ClipScale(c.norm, c.maxNorm); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("ClipScale(%v, %v) = %v, want %v", c.norm, c.maxNorm, got, c.want)
		}
	}
	if got := ClipScale(math.NaN(), 1); !math.IsNaN(got) {
		t.Errorf("ClipScale(NaN, 1) = %v, want NaN", got)
	}
}

func TestAddWorkers(t *testing.T) {
	for _, workers := range []int{1, 2, 5, 0} {
		dst, src := make([]float32, 2*Chunk+5), make([]float32, 2*Chunk+5)
		fillUniform(dst, "dst", 0)
		fillUniform(src, "src", 0)
		want := clone(dst)
		for i := range want {
			want[i] += src[i]
		}
		Add(dst, src, workers)
		if i := diff(dst, want); i >= 0 {
			t.Errorf("%d workers: dst[%d] is %v, want %v", workers, i, dst[i], want[i])
		}
	}
}
