package optim

import (
	"testing"

	"fovea/internal/parallel"
)

// vitB16 is the number of parameters of ViT-B/16.
const vitB16 = 86_567_656

// arenas returns n arenas of the size of ViT-B/16, every page written once.
func arenas(n int) [][]float32 {
	all := make([][]float32, n)
	for k := range all {
		all[k] = make([]float32, vitB16)
		for i := range all[k] {
			all[k][i] = float32(i%1009+1) * 1e-6
		}
	}
	return all
}

func BenchmarkAdamW(b *testing.B) {
	a := arenas(4)
	p, g, m, v := a[0], a[1], a[2], a[3]
	c := DefaultAdamW().Coefficients(10, 1e-4, 1, Group{LRScale: 1, WeightDecay: 0.05})
	b.Run("step", func(b *testing.B) {
		b.SetBytes(vitB16 * 28)
		for b.Loop() {
			DefaultAdamW().Step(10, 1e-4, 1, []Group{{0, vitB16, 1, 0.05}}, p, g, m, v, 0)
		}
	})
	b.Run("step in Go", func(b *testing.B) {
		b.SetBytes(vitB16 * 28)
		for b.Loop() {
			parallel.Each(0, chunks(vitB16), func(i int) {
				s, e := i*Chunk, min((i+1)*Chunk, vitB16)
				adamwGo(p[s:e], g[s:e], m[s:e], v[s:e], &c)
			})
		}
	})
}

func BenchmarkNorm(b *testing.B) {
	g := arenas(1)[0]
	b.Run("norm", func(b *testing.B) {
		b.SetBytes(vitB16 * 4)
		for b.Loop() {
			Norm(g, 0)
		}
	})
	b.Run("norm in Go", func(b *testing.B) {
		b.SetBytes(vitB16 * 4)
		for b.Loop() {
			parallel.Each(0, chunks(vitB16), func(i int) {
				sumSquaresGo(g[i*Chunk : min((i+1)*Chunk, vitB16)])
			})
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	a := arenas(2)
	b.Run("add", func(b *testing.B) {
		b.SetBytes(vitB16 * 12)
		for b.Loop() {
			Add(a[0], a[1], 0)
		}
	})
	b.Run("add in Go", func(b *testing.B) {
		b.SetBytes(vitB16 * 12)
		for b.Loop() {
			parallel.Each(0, chunks(vitB16), func(i int) {
				s, e := i*Chunk, min((i+1)*Chunk, vitB16)
				addGo(a[0][s:e], a[1][s:e])
			})
		}
	})
}
