package training

import (
	"math/rand/v2"

	"fovea/data"
	"fovea/data/augment"
)

// targets makes the targets [N,C] of a batch, number index of an epoch, and
// mixes its images with them if the config says so.
func (p *plan) targets(b *data.Batch, epoch, index int) ([]float32, error) {
	const stream = 0x311C // keeps these draws apart from others of the same seed
	a := p.config.Augment
	smoothing := a.Smoothing
	if !a.SmoothUnmixed && !a.Mixes() {
		smoothing = 0
	}
	targets, err := data.OneHot(b.Labels, len(p.classes), smoothing)
	if err != nil || !a.Mixes() {
		return targets, err
	}
	mixer := augment.Mixer{Mixup: a.Mixup, CutMix: a.CutMix, MinMax: a.CutMixMinMax, Probability: a.MixProbability,
		Switch: a.MixSwitch, Mode: augment.MixMode(a.MixMode)}
	rng := rand.New(rand.NewPCG(uint64(p.config.Seed)^stream<<48, uint64(epoch)<<32|uint64(index)))
	mixer.Draw(rng, b.N, p.config.Data.Size).Apply(b.Images, targets)
	return targets, nil
}
