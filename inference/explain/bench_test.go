package explain

import (
	"image"
	"io"
	"testing"
)

// BenchmarkExplain explains two images of 28 pixels by every method.
func BenchmarkExplain(b *testing.B) {
	path, images := read(b, "vit_tiny_mean").built(b)
	m := open(b, path, Options{Methods: Methods, Batch: 2, Steps: 32})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Explain(images, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPicture draws an image beside two maps.
func BenchmarkPicture(b *testing.B) {
	img := image.NewNRGBA(image.Rect(0, 0, 224, 224))
	grid, pixels := make([]float32, 14*14), make([]float32, 3*224*224)
	for i := range pixels {
		pixels[i] = float32(i * 7919 % 1013)
		grid[i%len(grid)] = pixels[i]
	}
	p := panels{name: "a.png", class: "CNV", image: img, maps: []Map{
		{Relevance, []int{14, 14}, grid}, {Integrated, []int{3, 224, 224}, pixels}}}
	b.ReportAllocs()
	for b.Loop() {
		if err := writePicture(io.Discard, []panels{p}); err != nil {
			b.Fatal(err)
		}
	}
}
