// Package autodiff is reverse-mode differentiation of ONNX graphs in plain
// ONNX operators: Backward walks a graph from its results to its inputs and
// appends, for each node, what its operator's rule says.
//
// A rule maps the gradients of a node's outputs to those of its inputs and
// knows nothing else: the driver leaves out what nobody asked for, sums a
// gradient over the axes along which its input was broadcast, and adds up
// contributions. A value on which the result does not depend has no gradient:
// it is absent (nil), not zero.
//
// The rule of a composite operator may be its definition in simpler operators,
// which are differentiated in its place.
package autodiff
