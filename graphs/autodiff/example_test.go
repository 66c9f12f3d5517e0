package autodiff_test

import (
	"fmt"

	"fovea/graphs"
	"fovea/graphs/autodiff"
)

// The gradient of a function is more nodes in its graph. Here y = tanh(x·w + b): Backward walks from y back to w and b
// and appends what the rules of Tanh, Add and MatMul say. The driver sums db over the rows, along which b was repeated.
func Example() {
	g := graphs.New("layer")
	x := g.Input("x", graphs.Float32, 2, 3)
	w := g.Input("w", graphs.Float32, 3, 4)
	b := g.Input("b", graphs.Float32, 4)
	y := g.Tanh(g.Add(g.MatMul(x, w, graphs.NoTrans), b))
	g.Output("y", y)

	dy := g.Input("dy", graphs.Float32, y.Shape...) // the gradient of the loss with respect to y
	gradients, err := autodiff.Backward(g, map[*graphs.Value]*graphs.Value{y: dy}, []*graphs.Value{w, b})
	if err != nil {
		fmt.Println(err)
		return
	}
	g.Output("dw", gradients[0])
	g.Output("db", gradients[1])

	g.RemoveDead() // MatMul's rule also gives the gradient of x, for which nobody asked
	fmt.Print(g)

	// Output:
	// graph layer
	//   input  x float32[2,3]
	//   input  w float32[3,4]
	//   input  b float32[4]
	//   input  dy float32[2,4]
	//   MatMul_3 float32[2,4] = MatMul(x, w)
	//   Add_4 float32[2,4] = Add(MatMul_3, b)
	//   y float32[2,4] = Tanh(Add_4)
	//   Mul_8 float32[2,4] = Mul(y, y)
	//   Sub_9 float32[2,4] = Sub(1, Mul_8)
	//   Mul_10 float32[2,4] = Mul(dy, Sub_9)
	//   db float32[4] = ReduceSum(Mul_10, [0]) keepdims=0
	//   dw float32[3,4] = Gemm(x, Mul_10) alpha=1, transA=1, transB=0
	//   output y float32[2,4]
	//   output dw float32[3,4]
	//   output db float32[4]
}
