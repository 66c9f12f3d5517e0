// Package limits refuses models that ONNX Runtime does not survive, or that ask for memory or time out of all proportion
// to their own size. The runtime checks little: it divides by a stride of 0, allocates what a constant says, and runs a
// loop of a billion steps.
//
// [Check] looks at a whole model before the runtime sees it. It estimates sizes from below: a size that it does not know
// counts as 1, and an operator that it does not know has a result of unknown size.
package limits
