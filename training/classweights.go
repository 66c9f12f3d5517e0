package training

import "fovea/data"

// balancedWeights weighs each class by N / (C·N_class), scikit-learn's
// class_weight="balanced". A class without samples counts 0.
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

// weigh multiplies targets [N,C] by the weights of the classes, nil for none.
// The loss is linear in the targets, so this is PyTorch's CrossEntropyLoss with
// a weight, for class probabilities: the mean is over the images. For class
// indices PyTorch divides by the sum of the batch's weights instead, which lets
// an image count more or less by what else is in its batch.
func weigh(targets, weights []float32) {
	if weights == nil {
		return
	}
	for i := range targets {
		targets[i] *= weights[i%len(weights)]
	}
}
