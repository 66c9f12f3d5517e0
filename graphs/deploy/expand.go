package deploy

import (
	"math"

	"fovea/graphs"
)

// An expansion writes an operator in older ones. It puts nodes in front of n and makes n the last of them. Sums are
// computed in float32.
type expansion struct {
	since int64 // the first opset with the operator
	write func(g *graphs.Graph, n *graphs.Node)
}

// expansions lists the operators that are newer than OldestOpset and can be written in older ones.
var expansions = map[string]expansion{
	"HardSwish":          {14, hardSwish},
	"CastLike":           {15, castLike},
	"LayerNormalization": {17, layerNormalization},
	"Mish":               {18, mish},
	"Gelu":               {20, gelu},
}

// castResult makes n the Cast of y, float32, to the type of n's result.
func castResult(n *graphs.Node, y *graphs.Value) {
	n.Op, n.Version, n.Inputs = "Cast", 0, []*graphs.Value{y}
	n.Attributes = graphs.Attributes{"to": int64(n.Outputs[0].Type)}
}

// layerNormalization writes (x - mean)/√(variance + ε)·weight + bias. It drops the statistics, which inference does not
// read.
func layerNormalization(g *graphs.Graph, n *graphs.Node) {
	axis := n.Attributes.Int("axis", -1)
	rank := int64(n.Inputs[0].Rank())
	if axis < 0 {
		axis += rank
	}
	var axes []int64
	for ; axis < rank; axis++ {
		axes = append(axes, axis)
	}
	x := g.Cast(n.Inputs[0], graphs.Float32)
	x = g.Sub(x, g.ReduceMean(x, true, axes...))
	variance := g.ReduceMean(g.Mul(x, x), true, axes...)
	y := g.Div(x, g.Sqrt(g.Add(variance, g.Scalar(float64(n.Attributes.Float("epsilon", 1e-5))))))
	y = g.Mul(y, g.Cast(n.Inputs[1], graphs.Float32))
	if n.Input(2) != nil {
		y = g.Add(y, g.Cast(n.Inputs[2], graphs.Float32))
	}
	castResult(n, y)
	n.Outputs = n.Outputs[:1]
}

func gelu(g *graphs.Graph, n *graphs.Node) {
	x := g.Cast(n.Inputs[0], graphs.Float32)
	var inner *graphs.Value
	if n.Attributes["approximate"] == "tanh" {
		cube := g.Mul(g.Mul(x, x), x)
		inner = g.Tanh(g.Scale(g.Add(x, g.Scale(cube, 0.044715)), math.Sqrt(2/math.Pi)))
	} else {
		inner = g.Erf(g.Scale(x, 1/math.Sqrt2))
	}
	castResult(n, g.Scale(g.Mul(x, g.Add(inner, g.Scalar(1))), 0.5))
}

func hardSwish(g *graphs.Graph, n *graphs.Node) {
	x := g.Cast(n.Inputs[0], graphs.Float32)
	castResult(n, g.Mul(x, g.Apply("HardSigmoid", graphs.Attributes{"alpha": float32(1) / 6, "beta": float32(0.5)}, x)))
}

func mish(g *graphs.Graph, n *graphs.Node) {
	x := g.Cast(n.Inputs[0], graphs.Float32)
	castResult(n, g.Mul(x, g.Tanh(g.Softplus(x))))
}

func castLike(_ *graphs.Graph, n *graphs.Node) { castResult(n, n.Inputs[0]) }
