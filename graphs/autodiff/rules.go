package autodiff

import (
	"math"
	"slices"

	"fovea/graphs"
)

// rules is the whole of reverse mode: operator → rule. Operators of other domains than the standard's have theirs in
// front. In a rule, x, a and b are inputs of the node, y is its output, and dx is the gradient of the result with
// respect to x. No rule sums a gradient over a repeated axis or adds up contributions: the driver does.
var rules = map[string]Rule{
	// Arithmetic.
	"Add": binary(func(c *Call, a, b, y, dy *value) (da, db *value) { return dy, dy }),
	"Sub": binary(func(c *Call, a, b, y, dy *value) (da, db *value) { return dy, c.Neg(dy) }),
	"Mul": binary(func(c *Call, a, b, y, dy *value) (da, db *value) { return c.Mul(dy, b), c.Mul(dy, a) }),
	"Div": binary(func(c *Call, a, b, y, dy *value) (da, db *value) {
		da = c.Div(dy, b)
		return da, c.Neg(c.Mul(da, y))
	}),
	"Pow": binary(pow),
	"Mod": mod,
	"Neg": unary(func(c *Call, x, y, dy *value) *value { return c.Neg(dy) }),
	"Sum": func(c *Call) []*value { return slices.Repeat([]*value{c.Grad(0)}, len(c.node.Inputs)) },
	"Mean": func(c *Call) []*value {
		n := len(c.node.Inputs)
		return slices.Repeat([]*value{c.Scale(c.Grad(0), 1/float64(n))}, n)
	},

	// Functions y = f(x) of one number: dx = dy·f'(x).
	"Abs":   derivative(func(c *Call, x, y *value) *value { return c.Sign(x) }),
	"Acos":  derivative(func(c *Call, x, y *value) *value { return c.Neg(c.inverseSqrt(c.oneMinus(c.square(x)))) }),
	"Acosh": derivative(func(c *Call, x, y *value) *value { return c.inverseSqrt(c.shift(c.square(x), -1)) }),
	"Asin":  derivative(func(c *Call, x, y *value) *value { return c.inverseSqrt(c.oneMinus(c.square(x))) }),
	"Asinh": derivative(func(c *Call, x, y *value) *value { return c.inverseSqrt(c.onePlus(c.square(x))) }),
	"Atan":  derivative(func(c *Call, x, y *value) *value { return c.reciprocal(c.onePlus(c.square(x))) }),
	"Atanh": derivative(func(c *Call, x, y *value) *value { return c.reciprocal(c.oneMinus(c.square(x))) }),
	"Cos":   derivative(func(c *Call, x, y *value) *value { return c.Neg(c.Sin(x)) }),
	"Cosh":  derivative(func(c *Call, x, y *value) *value { return c.Sub(c.halfExp(x), c.halfExp(c.Neg(x))) }),
	"Erf": derivative(func(c *Call, x, y *value) *value {
		return c.Scale(c.Exp(c.Neg(c.square(x))), 2/math.Sqrt(math.Pi))
	}),
	"Exp":        derivative(func(c *Call, x, y *value) *value { return y }),
	"Log":        unary(func(c *Call, x, y, dy *value) *value { return c.Div(dy, x) }),
	"Reciprocal": derivative(func(c *Call, x, y *value) *value { return c.Neg(c.square(y)) }),
	"Sigmoid":    derivative(func(c *Call, x, y *value) *value { return c.Mul(y, c.oneMinus(y)) }),
	"Sin":        derivative(func(c *Call, x, y *value) *value { return c.Cos(x) }),
	"Sinh":       derivative(func(c *Call, x, y *value) *value { return c.Add(c.halfExp(x), c.halfExp(c.Neg(x))) }),
	"Softplus":   derivative(func(c *Call, x, y *value) *value { return c.Sigmoid(x) }),
	"Softsign":   derivative(func(c *Call, x, y *value) *value { return c.reciprocal(c.square(c.onePlus(c.Abs(x)))) }),
	"Sqrt":       unary(func(c *Call, x, y, dy *value) *value { return c.Div(c.Scale(dy, 0.5), y) }),
	"Tan":        derivative(func(c *Call, x, y *value) *value { return c.onePlus(c.square(y)) }),
	"Tanh":       derivative(func(c *Call, x, y *value) *value { return c.Sub(c.Scalar(1), c.square(y)) }),

	// Activations. At a kink the derivative is that of one side, as in PyTorch.
	"Celu": derivative(func(c *Call, x, y *value) *value { return c.exponential(x, 1, 1/c.Float("alpha", 1)) }),
	"Elu":  derivative(func(c *Call, x, y *value) *value { return c.exponential(x, c.Float("alpha", 1), 1) }),
	"Gelu": gelu,
	"HardSigmoid": derivative(func(c *Call, x, y *value) *value {
		_, slope := c.hardSigmoid(x, c.Float("alpha", 0.2), c.Float("beta", 0.5))
		return slope
	}),
	"HardSwish": derivative(hardSwish),
	"LeakyRelu": derivative(func(c *Call, x, y *value) *value {
		alpha := c.Float("alpha", 0.01)
		return c.shift(c.Scale(c.isPositive(x), 1-alpha), alpha)
	}),
	"Mish":  derivative(mish),
	"PRelu": binary(prelu),
	"Relu":  derivative(func(c *Call, x, y *value) *value { return c.Sign(y) }),
	"Selu": derivative(func(c *Call, x, y *value) *value {
		return c.Scale(c.exponential(x, c.Float("alpha", 1.6732632), 1), c.Float("gamma", 1.0507010))
	}),
	"Shrink": derivative(func(c *Call, x, y *value) *value {
		return c.isPositive(c.shift(c.Abs(x), -c.Float("lambd", 0.5)))
	}),
	"Swish": byDefinition(sigmoidGated(1)),
	"ThresholdedRelu": derivative(func(c *Call, x, y *value) *value {
		return c.isPositive(c.shift(x, -c.Float("alpha", 1)))
	}),

	// Functions that are flat but for their steps.
	"Ceil": noGradient, "Floor": noGradient, "Hardmax": noGradient, "Round": noGradient, "Sign": noGradient,

	// Choices between values.
	"Clip": clip, "Max": extreme, "Min": extreme, "Where": where,

	// Reductions. y and dy have the axes that were reduced, with size 1.
	"ReduceL1":        reduction(func(c *Call, x, y, dy *value) *value { return c.Mul(dy, c.Sign(x)) }),
	"ReduceL2":        reduction(func(c *Call, x, y, dy *value) *value { return c.Mul(c.Div(dy, c.zerosToOnes(y)), x) }),
	"ReduceLogSum":    reduction(func(c *Call, x, y, dy *value) *value { return c.Mul(dy, c.Exp(c.Neg(y))) }),
	"ReduceLogSumExp": reduction(func(c *Call, x, y, dy *value) *value { return c.Mul(dy, c.Exp(c.Sub(x, y))) }),
	"ReduceMax":       overAxes(reduceExtreme),
	"ReduceMean": reduction(func(c *Call, x, y, dy *value) *value {
		return c.Scale(dy, float64(y.Len())/float64(x.Len()))
	}),
	"ReduceMin":       overAxes(reduceExtreme),
	"ReduceProd":      overAxes(reduceProd),
	"ReduceSum":       reduction(func(c *Call, x, y, dy *value) *value { return dy }),
	"ReduceSumSquare": reduction(func(c *Call, x, y, dy *value) *value { return c.Mul(c.Scale(dy, 2), x) }),

	// Matrices.
	"Det": det, "Einsum": einsum, "Gemm": gemm, "MatMul": matMul,

	// Convolution and pooling.
	"AveragePool":       averagePool,
	"Col2Im":            col2Im,
	"Conv":              conv,
	"ConvTranspose":     convTranspose,
	"GlobalAveragePool": unary(globalAveragePool),
	"GlobalMaxPool": unary(func(c *Call, x, y, dy *value) *value {
		return c.shareAmongEqual(y, dy, span(2, x.Rank()))
	}),
	"LpPool":    lpPool,
	"MaxPool":   maxPool,
	"MaxUnpool": maxUnpool,

	// Softmax and normalisation.
	"BatchNormalization":    batchNormalization,
	"GroupNormalization":    byDefinition(groupNormalization),
	"InstanceNormalization": byDefinition(instanceNormalization),
	"LRN":                   byDefinition(lrn),
	"LayerNormalization":    layerNormalization,
	"LogSoftmax": unary(func(c *Call, x, y, dy *value) *value {
		return c.Sub(dy, c.Mul(c.Exp(y), c.ReduceSum(dy, true, c.Axis(-1))))
	}),
	"LpNormalization":              byDefinition(lpNormalization),
	"MeanVarianceNormalization":    byDefinition(meanVarianceNormalization),
	"RMSNormalization":             byDefinition(rmsNormalization),
	"SimplifiedLayerNormalization": byDefinition(rmsNormalization),
	"Softmax": unary(func(c *Call, x, y, dy *value) *value {
		return c.Mul(c.Sub(dy, c.ReduceSum(c.Mul(dy, y), true, c.Axis(-1))), y)
	}),

	// Attention and recurrent layers.
	"Attention":           byDefinition(attention),
	"CausalConvWithState": byDefinition(causalConvWithState),
	"GRU":                 recurrent(3, []string{"Sigmoid", "Tanh"}, gruStep),
	"LSTM":                recurrent(4, []string{"Sigmoid", "Tanh", "Tanh"}, lstmStep),
	"LinearAttention":     byDefinition(linearAttention),
	"RNN":                 recurrent(1, []string{"Tanh"}, rnnStep),
	"RotaryEmbedding":     byDefinition(rotaryEmbedding),

	// Losses.
	"NegativeLogLikelihoodLoss": byDefinition(negativeLogLikelihoodLoss),
	"SoftmaxCrossEntropyLoss":   byDefinition(softmaxCrossEntropyLoss),

	// Types.
	"Cast":             unary(func(c *Call, x, y, dy *value) *value { return c.Cast(dy, x.Type) }),
	"CastLike":         unary(func(c *Call, x, y, dy *value) *value { return c.Cast(dy, x.Type) }),
	"DequantizeLinear": dequantizeLinear,

	// Elements that move by a fixed pattern.
	"CenterCropPad":   unary(centerCropPad),
	"Concat":          concat,
	"CumProd":         byDefinition(cumProd),
	"CumSum":          unary(cumSum),
	"DepthToSpace":    byDefinition(depthToSpace),
	"Expand":          unary(func(c *Call, x, y, dy *value) *value { return dy }),
	"Identity":        unary(func(c *Call, x, y, dy *value) *value { return dy }),
	"Pad":             pad,
	"Reshape":         unary(func(c *Call, x, y, dy *value) *value { return c.Reshape(dy, x.Shape...) }),
	"ReverseSequence": unary(sameOnGradient),
	"Slice":           unary(slice),
	"SpaceToDepth":    byDefinition(spaceToDepth),
	"Split":           split,
	"Squeeze":         unary(func(c *Call, x, y, dy *value) *value { return c.Reshape(dy, x.Shape...) }),
	"Tile":            unary(tile),
	"Transpose":       unary(transpose),
	"Trilu":           unary(sameOnGradient),

	// Elements at indices.
	"Compress":        compress,
	"Gather":          unary(gather),
	"GatherElements":  elements.gathered,
	"GatherND":        slabs.gathered,
	"OneHot":          oneHot,
	"ScatterElements": elements.scattered,
	"ScatterND":       slabs.scattered,
	"TensorScatter":   byDefinition(tensorScatter),
	"TopK":            topK,

	// Images at other places, and frequencies.
	"AffineGrid": byDefinition(affineGrid),
	"DFT":        dft,
	"DeformConv": byDefinition(deformConv),
	"GridSample": byDefinition(gridSample),
	"Resize":     resize,
	"RoiAlign":   byDefinition(roiAlign),
	"STFT":       byDefinition(stft),

	// ONNX Runtime's own, most of which its optimizers write.
	"com.microsoft.Attention":               byDefinition(packedAttention),
	"com.microsoft.BiasGelu":                byDefinition(biasGelu),
	"com.microsoft.CDist":                   byDefinition(distances),
	"com.microsoft.EmbedLayerNormalization": byDefinition(embedLayerNormalization),
	"com.microsoft.FastGelu":                byDefinition(fastGelu),
	"com.microsoft.FusedConv":               byDefinition(fusedConv),
	"com.microsoft.FusedGemm":               byDefinition(fusedGemm),
	"com.microsoft.FusedMatMul":             fusedMatMul,
	"com.microsoft.Gelu":                    gelu,
	"com.microsoft.Inverse": unary(func(c *Call, x, y, dy *value) *value {
		return c.MatMul(c.ScaledMatMul(-1, y, dy, graphs.TransA), y, graphs.TransB)
	}),
	"com.microsoft.MultiHeadAttention":               byDefinition(multiHeadAttention),
	"com.microsoft.QuickGelu":                        byDefinition(sigmoidGated(1.702)),
	"com.microsoft.RotaryEmbedding":                  byDefinition(rotaryEmbeddingFrom),
	"com.microsoft.SkipLayerNormalization":           byDefinition(skipLayerNormalization),
	"com.microsoft.SkipSimplifiedLayerNormalization": byDefinition(skipSimplifiedLayerNormalization),
	"com.microsoft.TransposeMatMul":                  fusedMatMul,
	"com.microsoft.Trilu":                            unary(sameOnGradient),
}
