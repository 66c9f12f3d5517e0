// Package graphs is an ONNX graph under construction: values with known types
// and static shapes, nodes in order, and the passes that a training graph
// needs. It never imports the runtime.
//
// A Graph is built through its methods, one an ONNX operator, each of which
// infers the type and shape of its result. The first mistake is kept and
// returned by Err, so that a long construction reads like the formula it is:
//
//	g := graphs.New("linear")
//	x := g.Input("x", graphs.Float32, 8, 16)
//	w := g.Input("w", graphs.Float32, 4, 16)
//	y := g.MatMul(x, w, graphs.TransB)
//	g.Output("y", y)
//	model, err := g.Model()
//
// Shapes are static, except that one dimension of a value may be Dynamic: the
// batch of an inference model.
package graphs
