// Package training is a run: it fine-tunes a model by a config, selects the best epoch on the validation split, tests
// it and writes the run folder.
//
// Run does all of it. WriteArtifacts stops before the first step. NewBench makes the learner of a run for benchmarks.
// Package inference tests model.onnx with the same code, whenever and wherever it is used.
//
// Everything random follows from the seed, the epoch and the position in it, so that a run that was interrupted, at
// whatever moment, ends with the same parameters to the bit as one that was not.
package training
