package augment

import (
	"image"
	"image/color"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// dirichlet draws n shares from a symmetric Dirichlet distribution. They sum to 1.
func dirichlet(rng *rand.Rand, alpha float64, n int) []float64 {
	shares, sum := make([]float64, n), 0.0
	for i := range shares {
		shares[i] = distuv.Gamma{Alpha: alpha, Beta: 1, Src: rng}.Rand()
		sum += shares[i]
	}
	if sum == 0 { // all underflowed: alpha is next to 0, as are all shares but one
		shares[rng.IntN(n)], sum = 1, 1
	}
	for i := range shares {
		shares[i] /= sum
	}
	return shares
}

// mix blends the results of the chains in float32, and then the image with them.
func (d Decision) mix(img *image.NRGBA, fill color.NRGBA) *image.NRGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	sum := make([]float32, 4*w*h)
	for _, c := range d.Mixture {
		changed := Apply(img, c.Steps, fill)
		for y := range h {
			to := sum[4*w*y:]
			for i, v := range row(changed, y) {
				to[i] += float32(c.Share * float32(v))
			}
		}
	}
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		from, to := row(img, y), row(out, y)
		for i := range to {
			to[i] = blendLevels(from[i], truncate(sum[4*w*y+i]), d.Share)
		}
		for x := 3; x < len(to); x += 4 {
			to[x] = 255
		}
	}
	return out
}
