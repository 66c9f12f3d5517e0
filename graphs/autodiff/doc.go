// Package autodiff differentiates ONNX graphs in reverse mode, in plain ONNX operators. Backward walks a graph from its
// results to its inputs and appends, for each node, what the rule of its operator says. All rules stand in rules.go.
//
// A rule turns the gradients of a node's outputs into those of its inputs, and sees its node only. The driver leaves
// out gradients that nobody asked for, sums a gradient over the axes along which its input was repeated, and adds up
// contributions. A value on which the result does not depend has no gradient: it is absent (nil), not zero.
//
// The rule of a composite operator may be its definition in simpler operators, which are differentiated in its place.
package autodiff
