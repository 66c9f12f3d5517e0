// Package training is a run: it fine-tunes a model by a config, selects the
// best epoch on the validation split, tests it and writes the run folder.
//
// Run is the whole of it; Evaluate tests a model.onnx that a run wrote, by the
// same code; WriteArtifacts stops before the first step.
//
// Everything random follows from the seed, the epoch and the position in it,
// so that a run that was interrupted, at whatever moment, ends with the same
// parameters to the bit as one that was not.
package training
