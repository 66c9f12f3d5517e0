package artifacts

import "fovea/graphs"

// Optimizer returns the graph of one AdamW step (torch.optim.AdamW) over a parameter group of any size n, for runtimes
// that hold the parameters on a device.
//
// Inputs float32 [n]: parameter, gradient, moment1, moment2. Inputs float32 []: gradient_scale (the gradient is
// multiplied by it), rate (learning rate over 1-beta1^t), shrink (1 - learning rate × weight decay), beta1, weight1
// (1-beta1, rounded only once), beta2, weight2 (1-beta2), correction2 (√(1-beta2^t)), epsilon. Outputs: parameter.next,
// moment1.next, moment2.next.
func Optimizer() (*graphs.Graph, error) {
	g := graphs.New("optimizer")
	vector := func(name string) *graphs.Value { return g.Input(name, graphs.Float32, graphs.Dynamic) }
	scalar := func(name string) *graphs.Value { return g.Input(name, graphs.Float32) }
	parameter, gradient, moment1, moment2 := vector("parameter"), vector("gradient"), vector("moment1"),
		vector("moment2")
	scale, rate, shrink := scalar("gradient_scale"), scalar("rate"), scalar("shrink")
	beta1, weight1, beta2, weight2 := scalar("beta1"), scalar("weight1"), scalar("beta2"), scalar("weight2")
	correction2, epsilon := scalar("correction2"), scalar("epsilon")

	d := g.Mul(gradient, scale)
	m := g.Add(g.Mul(moment1, beta1), g.Mul(d, weight1))
	v := g.Add(g.Mul(moment2, beta2), g.Mul(g.Mul(d, d), weight2))
	denominator := g.Add(g.Div(g.Sqrt(v), correction2), epsilon)
	g.Output("parameter.next", g.Sub(g.Mul(parameter, shrink), g.Mul(g.Div(m, denominator), rate)))
	g.Output("moment1.next", m)
	g.Output("moment2.next", v)
	return g, g.Err()
}

// SquareSum returns the graph of Σ gradient², which is not finite if an element is not. It takes gradient float32 [n]
// and makes square_sum float32 []. n is a multiple of 16 and should be at most 2²⁰: the runtime's CPU kernel adds one
// element after the other, which loses 0.8 % of the sum of 50 million squares.
func SquareSum() (*graphs.Graph, error) {
	g := graphs.New("square_sum")
	gradient := g.Input("gradient", graphs.Float32, graphs.Dynamic)
	rows := g.Reshape(g.Mul(gradient, gradient), 16, -1)
	g.Output("square_sum", g.ReduceSum(g.ReduceSum(rows, false, 1), false))
	return g, g.Err()
}

// Accumulate returns the graph that adds the gradient of a micro-batch to the sum of those before it. It takes sum and
// gradient float32 [n] and makes sum.next.
func Accumulate() (*graphs.Graph, error) {
	g := graphs.New("accumulate")
	sum := g.Input("sum", graphs.Float32, graphs.Dynamic)
	g.Output("sum.next", g.Add(sum, g.Input("gradient", graphs.Float32, graphs.Dynamic)))
	return g, g.Err()
}

// Average returns the graph that moves the exponential moving average of the parameters. It takes average and parameter
// float32 [n], decay and weight (1 - decay) float32 [], and makes average.next.
func Average() (*graphs.Graph, error) {
	g := graphs.New("average")
	average := g.Input("average", graphs.Float32, graphs.Dynamic)
	parameter := g.Input("parameter", graphs.Float32, graphs.Dynamic)
	decay, weight := g.Input("decay", graphs.Float32), g.Input("weight", graphs.Float32)
	g.Output("average.next", g.Add(g.Mul(average, decay), g.Mul(parameter, weight)))
	return g, g.Err()
}
