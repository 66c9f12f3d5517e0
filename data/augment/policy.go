package augment

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"slices"
)

// Policy draws ops and levels for an image, as one of timm's policies. It is safe for concurrent use. Parse makes one.
type Policy struct {
	candidates []candidate
	layers     int     // ops an image, of AugMix a chain; 0: one to three
	apply      float64 // probability that a drawn op is applied
	deviation  float64 // of the normal distribution of levels; +Inf: uniform from 0 to the candidate's
	most       float64 // levels are clipped to 0 ... most
	chains     int     // AugMix: chains that are blended; 0: the ops follow one another
	alpha      float64 // AugMix: of the Dirichlet and the Beta distribution of shares
}

// Decision is what a policy does to one image.
type Decision struct {
	Steps []Step // one after the other
	// Mixture are AugMix's chains, which replace Steps. Share is theirs in the result, the rest is the image's.
	Mixture []Chain
	Share   float32
}

// Chain are the steps of a part of a mixture.
type Chain struct {
	Steps []Step
	Share float32
}

// Draw decides about an image.
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

// Apply returns img as decided; img itself does not change. fill is the colour of what comes in from outside.
func (d Decision) Apply(img *image.NRGBA, fill color.NRGBA) *image.NRGBA {
	if d.Mixture != nil {
		return d.mix(img, fill)
	}
	return Apply(img, d.Steps, fill)
}

func (p *Policy) steps(rng *rand.Rand) []Step {
	layers := p.layers
	if layers == 0 {
		layers = 1 + rng.IntN(3)
	}
	var steps []Step
	for _, c := range p.choose(rng, layers) {
		if rng.Float64() < p.apply {
			steps = append(steps, p.step(rng, c))
		}
	}
	return steps
}

// weighted tells whether ops are drawn by their weights, none of them twice.
func (p *Policy) weighted() bool { return p.candidates[0].weight > 0 }

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
