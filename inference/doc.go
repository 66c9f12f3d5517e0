// Package inference classifies images with a model file: one that a run wrote, or any ONNX classifier of images.
//
// A Description says how a file wants its images and what comes out of it. It is put together from the model's
// metadata, from a file beside the model and from what the caller says; nothing that changes a result is guessed.
// Opened, it is a Classifier: a session with memory of its own, on the CPU or a GPU. Stream sends files through it in
// batches, in order, in memory that does not grow with their number; an image that cannot be read has an error and
// stops nothing.
//
// Probabilities are computed from logits in float64, so that those near 1 do not tie.
package inference
