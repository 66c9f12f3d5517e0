package data

import (
	"fmt"
	"math/rand/v2"

	"fovea/data/augment"
)

// Targets says how the labels of a batch become targets, and whether its images are mixed with each other.
type Targets struct {
	Classes   int            // C
	Smoothing float64        // of the labels, see OneHot
	Weights   []float32      // [C], factors of the targets, which weigh the loss; nil: none
	Mixer     *augment.Mixer // nil: images are not mixed
	Side      int            // pixels of an image's side, which Mixer needs
	Seed      uint64         // of the mixing
}

// Apply returns the targets [N,C] of a batch, number index of an epoch, and mixes its images in place. Seed, epoch and
// index decide the mixing.
func (t *Targets) Apply(b *Batch, epoch, index int) ([]float32, error) {
	const stream = 0x311C // keeps these draws apart from others of the same seed
	targets, err := OneHot(b.Labels, t.Classes, t.Smoothing)
	if err != nil {
		return nil, err
	}
	if t.Mixer != nil {
		rng := rand.New(rand.NewPCG(t.Seed^stream<<48, uint64(epoch)<<32|uint64(index)))
		t.Mixer.Draw(rng, b.N, t.Side).Apply(b.Images, targets)
	}
	weigh(targets, t.Weights)
	return targets, nil
}

// OneHot returns the targets [N,C] of labels with label smoothing s, row after row: 1 - s + s/C for the label, s/C
// elsewhere (timm's mixup_target at lambda 1). It returns an error if a label is not in 0 to C-1 or s is not in [0,1).
func OneHot(labels []int, classes int, smoothing float64) ([]float32, error) {
	if !(smoothing >= 0 && smoothing < 1) {
		return nil, fmt.Errorf("label smoothing %g: it must be at least 0 and below 1", smoothing)
	}
	off := smoothing / float64(classes)
	on := 1 - smoothing + off
	targets := make([]float32, len(labels)*classes)
	for i, label := range labels {
		if label < 0 || label >= classes {
			return nil, fmt.Errorf("label %d of sample %d: there are %d classes", label, i, classes)
		}
		row := targets[i*classes : (i+1)*classes]
		for c := range row {
			row[c] = float32(off)
		}
		row[label] = float32(on)
	}
	return targets, nil
}

// BalancedWeights returns a weight for each class, N / (C·N_class), as scikit-learn's class_weight="balanced". A class
// without samples weighs 0.
func BalancedWeights(samples []Sample, classes int) []float32 {
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
