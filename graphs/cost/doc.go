// Package cost counts the multiply-adds and the memory of a graph.
//
// It counts the multiply-adds of matrix products, convolutions, attention and recurrent layers. PyTorch's
// FlopCounterMode counts a multiply-add as two FLOPs, so its number is twice as large. Like PyTorch, the package does
// not count operators that work element by element, biases, normalisation, activations and pooling.
//
// The memory is that of values: inputs and results of nodes, without the parameters.
package cost
