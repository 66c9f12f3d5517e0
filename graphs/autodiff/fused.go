package autodiff

import (
	"maps"
	"math"
	"strings"

	"fovea/graphs"
)

// Operators of ONNX Runtime's own domain that stand for several of the standard: its optimizers write them. Formulas
// are those of its documentation, ContribOperators.md.

func fastGelu(c *Call) []*value { return []*value{c.tanhGelu(c.addOptional(c.In(1), c.In(0)))} }

func biasGelu(c *Call) []*value { return []*value{c.Gelu(c.Add(c.In(0), c.In(1)))} }

// sigmoidGated: y = x·σ(αx), which is Swish, and QuickGelu with another default of α.
func sigmoidGated(alpha float64) func(c *Call) []*value {
	return func(c *Call) []*value {
		return []*value{c.Mul(c.In(0), c.Sigmoid(c.Scale(c.In(0), c.Float("alpha", alpha))))}
	}
}

// fusedGemm is Gemm and an activation.
func fusedGemm(c *Call) []*value {
	a := graphs.Attributes{}
	for _, name := range []string{"alpha", "beta"} {
		if v, ok := c.node.Attributes["activation_"+name]; ok {
			a[name] = v
		}
	}
	return c.activated(c.Apply("Gemm", c.unfused(), c.node.Inputs...), a)
}

// fusedConv is Conv and an activation. A fourth input is added before the activation.
func fusedConv(c *Call) []*value {
	y := c.Apply("Conv", c.unfused(), c.node.Inputs[:min(3, len(c.node.Inputs))]...)
	a := graphs.Attributes{}
	parameters, _ := c.node.Attributes["activation_params"].([]float32)
	for i, v := range parameters[:min(2, len(parameters))] {
		a[[]string{"alpha", "beta"}[i]] = v
	}
	return c.activated(c.addOptional(c.In(3), y), a)
}

// unfused returns the node's attributes but for those of the activation.
func (c *Call) unfused() graphs.Attributes {
	a := maps.Clone(c.node.Attributes)
	maps.DeleteFunc(a, func(name string, _ any) bool { return strings.HasPrefix(name, "activation") })
	return a
}

// activated applies the node's activation, with alpha and beta, which are the limits of Clip.
func (c *Call) activated(y *value, a graphs.Attributes) []*value {
	name, _ := c.node.Attributes["activation"].(string)
	switch name {
	case "":
		return []*value{y}
	case "Relu", "LeakyRelu", "Tanh", "Sigmoid", "Softplus", "Elu", "Softsign", "ThresholdedRelu", "HardSigmoid",
		"HardSwish":
		return []*value{c.Apply(name, a, y)}
	case "Clip":
		low, high := a.Float("alpha", -math.MaxFloat32), a.Float("beta", math.MaxFloat32)
		return []*value{c.Apply("Clip", nil, y, c.Scalar(float64(low)), c.Scalar(float64(high)))}
	}
	return c.refuse("activation %s is not supported", name)
}

// skipLayerNormalization normalises x + skip + bias, which is output 3.
func skipLayerNormalization(c *Call) []*value {
	x := c.addOptional(c.In(4), c.Add(c.In(0), c.In(1)))
	y := c.Mul(c.standardized(x, c.Float("epsilon", 1e-12), span(x.Rank()-1, x.Rank())), c.In(2))
	return []*value{c.addOptional(c.In(3), y), nil, nil, x}
}

// skipSimplifiedLayerNormalization divides x + skip + bias, which is output 3, by its root mean square.
func skipSimplifiedLayerNormalization(c *Call) []*value {
	x := c.addOptional(c.In(3), c.Add(c.In(0), c.In(1)))
	y := c.Mul(c.rootMeanSquared(x, c.Float("epsilon", 1e-12), span(x.Rank()-1, x.Rank())), c.In(2))
	return []*value{y, nil, nil, x}
}

// embedLayerNormalization normalises the sum, output 2, of rows of three tables: of words, positions and segments.
func embedLayerNormalization(c *Call) []*value {
	words, positions := c.In(0), c.In(3)
	rows := func(table, at *value) *value { return c.Apply("Gather", nil, table, at) }
	x := rows(c.In(2), words)
	if at := c.In(8); at != nil {
		x = c.Add(x, rows(positions, at))
	} else {
		x = c.Add(x, c.Slice(positions, 0, 0, words.Shape[1]))
	}
	if table := c.In(4); table != nil && c.In(1) != nil {
		x = c.Add(x, rows(table, c.In(1)))
	} else if table != nil { // all words are of the first segment
		x = c.Add(x, c.Slice(table, 0, 0, 1))
	}
	y := c.Mul(c.standardized(x, c.Float("epsilon", 1e-12), []int64{2}), c.In(5))
	return []*value{c.addOptional(c.In(6), y), nil, x}
}
