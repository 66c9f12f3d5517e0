package autodiff

import (
	"maps"
	"math"
	"slices"
	"strings"

	"fovea/graphs"
)

// Operators of ONNX Runtime's own domain that stand for several of the standard:
// its optimizers write them. Formulas are those of its documentation,
// ContribOperators.md.

func init() {
	register(map[string]Rule{
		"com.microsoft.Gelu":  gelu,
		"com.microsoft.Trilu": trilu,
		"com.microsoft.FastGelu": defined(func(c *Call) []*graphs.Value {
			return one(c.tanhGelu(c.sum(c.In(1), c.In(0))))
		}),
		"com.microsoft.QuickGelu": defined(func(c *Call) []*graphs.Value {
			return one(c.Mul(c.In(0), c.Sigmoid(c.Scale(c.In(0), c.float("alpha", 1.702)))))
		}),
		"com.microsoft.BiasGelu": defined(func(c *Call) []*graphs.Value { return one(c.Gelu(c.Add(c.In(0), c.In(1)))) }),

		"com.microsoft.FusedMatMul": fusedMatMul, "com.microsoft.TransposeMatMul": fusedMatMul,
		"com.microsoft.FusedGemm": defined(fusedGemm), "com.microsoft.FusedConv": defined(fusedConv),

		"com.microsoft.SkipLayerNormalization":           defined(skipLayerNormalization),
		"com.microsoft.SkipSimplifiedLayerNormalization": defined(skipSimplifiedLayerNormalization),
		"com.microsoft.EmbedLayerNormalization":          defined(embedLayerNormalization),
	})
}

// fusedMatMul: with transBatchA or B the rows of an operand come before its batch.
func fusedMatMul(c *Call) []*graphs.Value {
	names := []string{"transBatchA", "transBatchB"}
	if c.Int(names[0], 0) == 0 && c.Int(names[1], 0) == 0 {
		return product(c)
	}
	return defined(func(c *Call) []*graphs.Value {
		operands, a := slices.Clone(c.node.Inputs), maps.Clone(c.node.Attributes)
		for i, x := range operands {
			if last := x.Rank() - 1; c.Int(names[i], 0) != 0 {
				operands[i] = c.Transpose(x, slices.Concat(axesFrom(1, last), []int64{0, int64(last)})...)
			}
			delete(a, names[i])
		}
		return c.ApplyN(1, graphs.Microsoft, "FusedMatMul", a, operands...)
	})(c)
}

func fusedGemm(c *Call) []*graphs.Value {
	a := graphs.Attributes{}
	for _, name := range []string{"alpha", "beta"} {
		if v, ok := c.node.Attributes["activation_"+name]; ok {
			a[name] = v
		}
	}
	return c.activated(c.Apply("Gemm", c.unfused(), c.node.Inputs...), a)
}

// fusedConv: a fourth input is added before the activation.
func fusedConv(c *Call) []*graphs.Value {
	y := c.Apply("Conv", c.unfused(), c.node.Inputs[:min(3, len(c.node.Inputs))]...)
	a := graphs.Attributes{}
	parameters, _ := c.node.Attributes["activation_params"].([]float32)
	for i, v := range parameters[:min(2, len(parameters))] {
		a[[]string{"alpha", "beta"}[i]] = v
	}
	return c.activated(c.sum(c.In(3), y), a)
}

// unfused are the node's attributes but for those of the activation.
func (c *Call) unfused() graphs.Attributes {
	a := maps.Clone(c.node.Attributes)
	maps.DeleteFunc(a, func(name string, _ any) bool { return strings.HasPrefix(name, "activation") })
	return a
}

// activated applies the node's activation, with alpha and beta, which are the limits
// of Clip.
func (c *Call) activated(y *graphs.Value, a graphs.Attributes) []*graphs.Value {
	name, _ := c.node.Attributes["activation"].(string)
	switch name {
	case "":
		return one(y)
	case "Relu", "LeakyRelu", "Tanh", "Sigmoid", "Softplus", "Elu", "Softsign", "ThresholdedRelu", "HardSigmoid", "HardSwish":
		return one(c.Apply(name, a, y))
	case "Clip":
		low, high := a.Float("alpha", -math.MaxFloat32), a.Float("beta", math.MaxFloat32)
		return one(c.Apply("Clip", nil, y, c.Scalar(float64(low)), c.Scalar(float64(high))))
	}
	return c.refuse("activation %s is not supported", name)
}

// skipLayerNormalization of x + skip + bias, which is output 3.
func skipLayerNormalization(c *Call) []*graphs.Value {
	x := c.sum(c.In(4), c.Add(c.In(0), c.In(1)))
	y := c.Mul(c.standardized(x, c.float("epsilon", 1e-12), axesFrom(x.Rank()-1, x.Rank())), c.In(2))
	return []*graphs.Value{c.sum(c.In(3), y), nil, nil, x}
}

func skipSimplifiedLayerNormalization(c *Call) []*graphs.Value {
	x := c.sum(c.In(3), c.Add(c.In(0), c.In(1)))
	y := c.Mul(c.rootMeanSquared(x, c.float("epsilon", 1e-12), axesFrom(x.Rank()-1, x.Rank())), c.In(2))
	return []*graphs.Value{y, nil, nil, x}
}

// embedLayerNormalization of the sum, output 2, of the rows of three tables: of words,
// positions and segments.
func embedLayerNormalization(c *Call) []*graphs.Value {
	words, positions := c.In(0), c.In(3)
	rows := func(table, at *graphs.Value) *graphs.Value { return c.Apply("Gather", nil, table, at) }
	x := rows(c.In(2), words)
	if at := c.In(8); at != nil {
		x = c.Add(x, rows(positions, at))
	} else {
		x = c.Add(x, c.Slice(positions, 0, 0, words.Shape[1]))
	}
	if segments := c.In(1); segments != nil {
		x = c.Add(x, rows(c.In(4), segments))
	}
	y := c.Mul(c.standardized(x, c.float("epsilon", 1e-12), []int64{2}), c.In(5))
	return []*graphs.Value{c.sum(c.In(6), y), nil, x}
}
