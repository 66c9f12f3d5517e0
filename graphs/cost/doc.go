// Package cost counts what a graph costs: multiply-adds and memory.
//
// Multiply-adds are those of matrix products, convolutions, attention and
// recurrent layers; a FLOP count in the sense of PyTorch's FlopCounterMode, which
// takes a multiply-add for two, is twice that. What works element by element,
// biases, normalisation, activations and pooling are not counted, as PyTorch does
// not.
//
// Memory is that of values: inputs and results of nodes. Parameters are not among
// them.
package cost
