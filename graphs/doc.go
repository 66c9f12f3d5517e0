// Package graphs builds and rewrites ONNX graphs. Values have known types and static shapes, nodes stand in an order in
// which they can run, and passes prepare a graph for training. The package never imports the runtime.
//
// A Graph is built through its methods, one for each ONNX operator. Each infers the type and shape of its result. The
// first mistake is kept and returned by Err, so that a long construction reads like a formula:
//
//	g := graphs.New("linear")
//	x := g.Input("x", graphs.Float32, 8, 16)
//	w := g.Input("w", graphs.Float32, 4, 16)
//	y := g.MatMul(x, w, graphs.TransB)
//	g.Output("y", y)
//	model, err := g.Model()
//
// Shapes are static. Only one dimension of a value may be Dynamic: the batch of an inference model.
package graphs
