package augment

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"slices"
)

// A Policy draws ops and levels for an image, as one of timm's policies does. It is safe for concurrent use. Parse
// returns one.
type Policy struct {
	candidates []candidate
	pairs      [][2]candidate // AutoAugment draws one of these in place of candidates
	layers     int            // ops for each image, with AugMix for each chain; 0 draws one to three
	apply      float64        // probability that a drawn candidate is applied
	deviation  float64        // of the normal distribution of levels; +Inf draws them uniformly from 0 to the candidate's
	most       float64        // levels are clipped to [0, most]
	chains     int            // AugMix blends so many chains; 0 applies the ops one after the other
	alpha      float64        // parameter of AugMix's Dirichlet and Beta distributions of shares
	jitter     bool           // see TakesJitter
}

// TakesJitter reports whether colours may be jittered after the policy. timm allows it with 3-Augment and its sets of
// ops alone; the other policies change colours themselves.
func (p *Policy) TakesJitter() bool { return p.jitter }

// A Decision holds the changes that a policy makes to one image.
type Decision struct {
	Steps []Step // one after the other
	// Mixture holds AugMix's chains, which replace Steps. Share is their share of the result; the rest is the image's.
	Mixture []Chain
	Share   float32
}

// A Chain holds the steps of one part of a mixture.
type Chain struct {
	Steps []Step
	Share float32
}

// Draw decides how to change an image.
func (p *Policy) Draw(rng *rand.Rand) Decision {
	if p.chains == 0 {
		return Decision{Steps: p.steps(rng)}
	}
	d := Decision{Mixture: make([]Chain, p.chains)}
	for i, share := range dirichlet(rng, p.alpha, p.chains) {
		d.Mixture[i].Share = float32(share)
	}
	d.Share = float32(beta(rng, p.alpha))
	for i := range d.Mixture {
		d.Mixture[i].Steps = p.steps(rng)
	}
	return d
}

// Apply returns img as decided; img itself does not change. Pixels that come in from outside get the colour fill.
func (d Decision) Apply(img *image.NRGBA, fill color.NRGBA) *image.NRGBA {
	if d.Mixture != nil {
		return d.mix(img, fill)
	}
	return Apply(img, d.Steps, fill)
}

// steps draws the steps of an image or a chain.
func (p *Policy) steps(rng *rand.Rand) []Step {
	var steps []Step
	if p.pairs != nil {
		for _, c := range p.pairs[rng.IntN(len(p.pairs))] {
			if rng.Float64() < c.apply {
				steps = append(steps, p.step(rng, c))
			}
		}
		return steps
	}
	layers := p.layers
	if layers == 0 {
		layers = 1 + rng.IntN(3)
	}
	for _, c := range p.choose(rng, layers) {
		if rng.Float64() < p.apply {
			steps = append(steps, p.step(rng, c))
		}
	}
	return steps
}

// weighted reports whether ops are drawn by their weights, none of them twice.
func (p *Policy) weighted() bool { return p.candidates[0].weight > 0 }

// choose draws n candidates.
func (p *Policy) choose(rng *rand.Rand, n int) []candidate {
	chosen := make([]candidate, n)
	if !p.weighted() {
		for k := range chosen {
			chosen[k] = p.candidates[rng.IntN(len(p.candidates))]
		}
		return chosen
	}
	left := slices.Clone(p.candidates)
	for k := range chosen {
		sum := 0.0
		for _, c := range left {
			sum += c.weight
		}
		i, u := 0, rng.Float64()*sum
		for i < len(left)-1 && u >= left[i].weight {
			u -= left[i].weight
			i++
		}
		chosen[k] = left[i]
		left = slices.Delete(left, i, i+1)
	}
	return chosen
}

// step draws the argument of a candidate's op.
func (p *Policy) step(rng *rand.Rand, c candidate) Step {
	level := c.level
	switch {
	case math.IsInf(p.deviation, 1):
		level *= rng.Float64()
	case p.deviation > 0:
		level += p.deviation * rng.NormFloat64()
	}
	s := Step{op: c.op}
	if u := rng.Float64(); c.op.argument != nil {
		s.Arg = c.op.argument(clamp(level, 0, p.most), u)
	}
	return s
}
