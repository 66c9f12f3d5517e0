package similar

import "testing"

// BenchmarkNearest looks for an image among 1,600 others.
func BenchmarkNearest(b *testing.B) {
	var all []*outline
	for _, img := range images(b, "../testdata/retinamnist/*/*/*.png") {
		all = append(all, print(img).outline())
	}
	for b.Loop() {
		nearest(all[7].whole, all, 7)
	}
}
