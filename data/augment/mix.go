package augment

import (
	"image"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// MixMode names the images that share a draw of a Mixer.
type MixMode string

// The modes of mixing.
const (
	MixBatch MixMode = "batch" // all images of a batch share one
	MixPair  MixMode = "pair"  // an image and its partner share one
	MixElem  MixMode = "elem"  // each image has its own
)

// Mixer mixes the images of a batch, as timm's Mixup does: image i of a batch of N with image N-1-i. Either it blends
// the two (mixup), or it cuts a box out of one and pastes it into the other (CutMix). N must be even.
type Mixer struct {
	Mixup  float64 // alpha of the Beta distribution of the share that an image keeps; 0 switches mixup off
	CutMix float64 // likewise, of the area outside the box; 0 switches CutMix off
	// MinMax is the range of the box's sides, as a fraction of the image's. It replaces CutMix's alpha unless it is [0,
	// 0].
	MinMax      [2]float64
	Probability float64 // that a draw mixes at all
	Switch      float64 // probability of CutMix where both are on
	Mode        MixMode
	// Timm09 cuts boxes as timm 0.9 does, which RETFound uses: a side of an odd number of pixels loses one, and a box
	// of MinMax touches neither the right edge nor the bottom. Otherwise boxes are those of timm 1.0.
	Timm09 bool
}

// Mix describes the mixing of one image: Lambda of itself plus Rest of its partner. With CutMix it takes its partner's
// pixels inside Box instead. The target is blended in both cases.
type Mix struct {
	Lambda, Rest float32 // sum to 1
	CutMix       bool
	Box          image.Rectangle
}

// Mixing holds the draws for a batch of images of Side×Side pixels.
type Mixing struct {
	Side   int
	Images []Mix
}

// Draw decides how to mix n images of side×side pixels.
func (m Mixer) Draw(rng *rand.Rand, n, side int) Mixing {
	d := Mixing{Side: side, Images: make([]Mix, n)}
	switch m.Mode {
	case MixElem:
		for i := range d.Images {
			d.Images[i] = m.draw(rng, side).narrow()
		}
	case MixPair:
		for i := range n / 2 {
			d.Images[i] = m.draw(rng, side).narrow()
			d.Images[n-1-i] = d.Images[i]
		}
	default:
		one := m.draw(rng, side)
		for i := range d.Images {
			d.Images[i] = one
		}
	}
	return d
}

func (m Mixer) draw(rng *rand.Rand, side int) Mix {
	if rng.Float64() >= m.Probability {
		return blend(1)
	}
	minmax := m.MinMax[1] > 0
	cutmix := minmax || m.CutMix > 0
	if cutmix && m.Mixup > 0 {
		cutmix = rng.Float64() < m.Switch
	}
	switch {
	case !cutmix:
		return blend(beta(rng, m.Mixup))
	case minmax:
		w, h := m.minmaxSide(rng, side), m.minmaxSide(rng, side)
		end := side + 1
		if m.Timm09 {
			end = side
		}
		left, top := rng.IntN(max(1, end-w)), rng.IntN(max(1, end-h))
		return cut(image.Rect(left, top, left+w, top+h), side)
	}
	lambda := beta(rng, m.CutMix)
	return cut(m.boxAround(image.Pt(rng.IntN(side), rng.IntN(side)), lambda, side), side)
}

// minmaxSide draws a side of a box. It leaves out the upper end of the range, as numpy.random.randint does.
func (m Mixer) minmaxSide(rng *rand.Rand, side int) int {
	low, high := int(float64(side)*m.MinMax[0]), int(float64(side)*m.MinMax[1])
	return low + rng.IntN(max(1, high-low))
}

// boxAround returns CutMix's box with a centre. It has 1 - lambda of the image's area, less the part outside the image.
func (m Mixer) boxAround(centre image.Point, lambda float64, side int) image.Rectangle {
	n := int(float64(side) * math.Sqrt(1-lambda))
	if m.Timm09 {
		n -= n % 2
	}
	box := image.Rect(centre.X-n/2, centre.Y-n/2, centre.X+(n+1)/2, centre.Y+(n+1)/2)
	return box.Intersect(image.Rect(0, 0, side, side))
}

// beta draws from Beta(alpha, alpha).
func beta(rng *rand.Rand, alpha float64) float64 {
	x := distuv.Beta{Alpha: alpha, Beta: alpha, Src: rng}.Rand()
	if math.IsNaN(x) { // both gamma variates underflowed: alpha is next to 0, as is x or 1-x
		return float64(rng.IntN(2))
	}
	return x
}

// blend returns the Mix that keeps lambda of an image.
func blend(lambda float64) Mix { return Mix{Lambda: float32(lambda), Rest: float32(1 - lambda)} }

// cut returns the Mix that pastes a box of an image of side×side pixels.
func cut(box image.Rectangle, side int) Mix {
	m := blend(1 - float64(box.Dx()*box.Dy())/float64(side*side))
	m.CutMix, m.Box = true, box
	return m
}

// narrow rounds Lambda before Rest is made of it, as timm does with the shares of single images.
func (m Mix) narrow() Mix {
	m.Rest = 1 - m.Lambda
	return m
}

// Apply mixes images [N,3,S,S] and their targets [N,C] in place.
func (d Mixing) Apply(images, targets []float32) {
	n := len(d.Images)
	size, classes := len(images)/n, len(targets)/n
	original := make([]float32, max(size, classes)) // of the first of a pair
	for i := range n / 2 {
		first, second := d.Images[i], d.Images[n-1-i]
		a, b := images[i*size:(i+1)*size], images[(n-1-i)*size:(n-i)*size]
		copy(original, a)
		d.mix(a, b, first)
		d.mix(b, original[:size], second)
		s, t := targets[i*classes:(i+1)*classes], targets[(n-1-i)*classes:(n-i)*classes]
		copy(original, s)
		first.blend(s, t)
		second.blend(t, original[:classes])
	}
}

func (d Mixing) mix(x, partner []float32, m Mix) {
	if !m.CutMix {
		m.blend(x, partner)
		return
	}
	for row := range 3 * d.Side {
		if y := row % d.Side; y >= m.Box.Min.Y && y < m.Box.Max.Y {
			copy(x[row*d.Side+m.Box.Min.X:row*d.Side+m.Box.Max.X], partner[row*d.Side+m.Box.Min.X:])
		}
	}
}

func (m Mix) blend(x, partner []float32) {
	if m.Lambda == 1 {
		return
	}
	for i, p := range partner[:len(x)] {
		x[i] = float32(x[i]*m.Lambda) + float32(p*m.Rest)
	}
}
