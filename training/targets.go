package training

import (
	"math/rand/v2"

	"fovea/data"
	"fovea/data/augment"
)

// targets returns the targets [N,C] of a batch, number index of an epoch, and mixes its images with them if the config
// says so. weights, nil for none, are those of the classes in the loss.
func (d *dataset) targets(b *data.Batch, epoch, index int, weights []float32) ([]float32, error) {
	const stream = 0x311C // keeps these draws apart from others of the same seed
	a := d.config.Augment
	smoothing := a.Smoothing
	if !a.SmoothUnmixed && !a.Mixes() {
		smoothing = 0
	}
	targets, err := data.OneHot(b.Labels, len(d.classes), smoothing)
	if err != nil {
		return nil, err
	}
	if a.Mixes() {
		mixer := augment.Mixer{Mixup: a.Mixup, CutMix: a.CutMix, MinMax: a.CutMixMinMax, Probability: a.MixProbability,
			Switch: a.MixSwitch, Mode: augment.MixMode(a.MixMode)}
		rng := rand.New(rand.NewPCG(uint64(d.config.Seed)^stream<<48, uint64(epoch)<<32|uint64(index)))
		mixer.Draw(rng, b.N, d.config.Data.Size).Apply(b.Images, targets)
	}
	weigh(targets, weights)
	return targets, nil
}

// classWeights returns the weights of loss.class_weights, nil for none.
func (d *dataset) classWeights() []float32 {
	if d.config.Loss.ClassWeights != "balanced" {
		return nil
	}
	return balancedWeights(d.train.Samples, len(d.classes))
}

// balancedWeights weighs each class by N / (C·N_class), scikit-learn's class_weight="balanced". A class without samples
// counts 0.
func balancedWeights(samples []data.Sample, classes int) []float32 {
	counts := make([]int, classes)
	for _, s := range samples {
		counts[s.Class]++
	}
	weights := make([]float32, classes)
	for c, n := range counts {
		if n > 0 {
			weights[c] = float32(float64(len(samples)) / (float64(classes) * float64(n)))
		}
	}
	return weights
}

// weigh multiplies targets [N,C] by the weights of the classes, nil for none. The loss is linear in the targets, so
// this is PyTorch's CrossEntropyLoss with a weight, for class probabilities: the mean is over the images. For class
// indices PyTorch divides by the sum of the batch's weights instead, which lets an image count more or less by what
// else is in its batch.
func weigh(targets, weights []float32) {
	if weights == nil {
		return
	}
	for i := range targets {
		targets[i] *= weights[i%len(weights)]
	}
}
