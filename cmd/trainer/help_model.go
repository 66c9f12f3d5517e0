package main

// The commands that look into any ONNX model.

const differentiateManual = `trainer differentiate -model FILE -out FILE [-wrt NAME,NAME...] [-batch N] [-dim NAME=N ...]

Writes the vector-Jacobian product of an ONNX model (opset 7 to 25, float32) as
a model of standard operators that any ONNX Runtime runs. Its inputs are those
of the model and, for each float output Y, Y.cotangent of the shape of Y; its
outputs are NAME.grad, the gradient of the sum of all Y times Y.cotangent.
Constants and initializers stay inside.

  -model FILE      model to differentiate
  -out FILE        model to write
  -wrt NAME,...    inputs or initializers (default: every float32 input)
  -batch N         size of an input's first dimension where it is symbolic
                   (default 2); the new model has this size
  -dim NAME=N      size of another symbolic dimension; may repeat
  -set KEY=VALUE   override a key of the runtime section; may repeat
  -v               log more

An operator without a rule is an error that names the node and what lies behind
it, as are control flow, quantised and half-precision models.

example:
  trainer differentiate -model classifier.onnx -batch 1 -out saliency.onnx
`

const gradcheckManual = `trainer gradcheck -model FILE [-batch N] [-seed S] [-dim NAME=N ...]

Compares the gradients of an ONNX model with finite differences: derivatives
along random directions in the space of all float32 inputs and initializers, at
random inputs. If they disagree each node is compared by itself, at the values
that it has in the model, and the first whose rule disagrees is named; the exit
code is 1.

Initializers of one element, as exporters write them for the constants of
formulas, stay as they are. Inputs of other types are zero.

  -model FILE      model to check
  -batch N         size of an input's first dimension where it is symbolic
                   (default 2)
  -seed S          seed of inputs and directions (default 0)
  -dim NAME=N      size of another symbolic dimension; may repeat
  -set KEY=VALUE   override a key of the runtime section; may repeat
  -v               log more

example:
  trainer gradcheck -model classifier.onnx
`

const inspectManual = `trainer inspect FILE [-batch N] [-dim NAME=N ...] [-list] [-json] [-dot FILE] [-depth N]

Tells what is in FILE.

Of an ONNX model: producer, versions, inputs, outputs, metadata, parameters and
operators, and whether each operator has a gradient rule. The model is then run
once and differentiated: what a forward pass costs in multiply-adds, FLOPs (two
a multiply-add) and memory, which parameters a gradient reaches, how much of
forward's values backward reads, and what model.onnx of a config would make of
it. What cannot be run or differentiated is told with the reason.

Of a weight file (.safetensors, .pth, .pdparams, .index.json): tensors by
prefix, element types, metadata, and which model.arch can load it.

  -batch N         size of an input's first dimension where it is symbolic
                   (default 1)
  -dim NAME=N      size of another symbolic dimension; may repeat
  -list            list each node with its result, or each tensor
  -json            write JSON, with sizes as numbers
  -dot FILE        draw the model for Graphviz (dot -Tsvg)
  -depth N         parts of the scopes of nodes, such as blocks/blocks.0, that
                   are one box of the picture (default: what can be read)
  -set KEY=VALUE   override a key of the runtime section; may repeat
  -v               log more

examples:
  trainer inspect runs/octid/model.onnx -batch 16 -dot model.dot
  trainer inspect RETFound_mae_meh.pth
`
