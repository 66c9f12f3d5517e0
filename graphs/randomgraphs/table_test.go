package randomgraphs

import (
	"math"
	"testing"

	"fovea/graphs/autodiff"
)

// A generator adds nodes around an operator to a model, in opsets from since on.
type generator struct {
	since int64
	make  func(m *maker)
}

// generators are by the operator that each adds, or by the name that an older opset or an importer has for it.
var generators = map[string]generator{
	"Identity": copied("Identity"), "Neg": copied("Neg"), "Cast": {9, cast}, "CastLike": {15, castLike},
	"Dropout": {9, dropout},
	"Exp":     smooth(9, "Exp", 1.2, 3.4), "Tanh": smooth(9, "Tanh", 4, 1), "Erf": smooth(9, "Erf", 3, 1),
	"Gelu": {20, gelu},
	"Sin":  smooth(9, "Sin", 4, 1), "Cos": smooth(9, "Cos", 4, 1), "Tan": smooth(9, "Tan", 0.9, 1.3),
	"Asin": smooth(9, "Asin", 0.8, 1),
	"Acos": smooth(9, "Acos", 0.8, 2.6), "Atan": smooth(9, "Atan", 4, 1.6), "Sinh": smooth(9, "Sinh", 1.5, 2.2),
	"Cosh":  smooth(9, "Cosh", 1.5, 2.4),
	"Asinh": smooth(9, "Asinh", 4, 2.1), "Atanh": smooth(9, "Atanh", 0.8, 1.1), "Acosh": ofPositive("Acosh", 0.9, 2),
	"Sigmoid":  smooth(9, "Sigmoid", 4, 1),
	"Softplus": smooth(9, "Softplus", 4, 4.1), "Mish": smooth(18, "Mish", 4, 0),
	"Log": ofPositive("Log", 0, 1.4), "Sqrt": ofPositive("Sqrt", 0, 1.8),
	"Reciprocal": ofPositive("Reciprocal", 0, 2.5),
	"Abs":        kinked(9, "Abs", nil, -1, 1), "Softsign": kinked(9, "Softsign", nil, -1, 1),
	"Relu":            kinked(9, "Relu", nil, -1, 1),
	"LeakyRelu":       kinked(9, "LeakyRelu", attributes{"alpha": 0.3}, -1, 1),
	"ThresholdedRelu": kinked(10, "ThresholdedRelu", attributes{"alpha": 0.5}, -0.5, 1.5),
	"Elu":             kinked(9, "Elu", attributes{"alpha": 0.7}, -1, 1),
	"Celu":            kinked(12, "Celu", attributes{"alpha": 0.7}, -1, 1),
	"Selu":            kinked(9, "Selu", nil, -1, 1),
	"HardSigmoid":     kinked(9, "HardSigmoid", nil, -3.5, -1.5, 1.5, 3.5),
	"HardSwish":       kinked(14, "HardSwish", nil, -4, -2, 2, 4),
	"Shrink":          kinked(9, "Shrink", attributes{"lambd": 1.5, "bias": 0.5}, -2.5, 0, 2.5),
	"PRelu":           {9, prelu}, "Clip": {9, clip},
	"Add": ofTwo("Add", sum), "Sub": ofTwo("Sub", sum),
	"Mul": ofTwo("Mul", func(a, b float64) float64 { return a * b }),
	"Div": {9, divide}, "Pow": {9, power}, "Mod": {10, mod}, "Where": {9, where},
	"Sum": several("Sum", func(sizes []float64) (n float64) {
		for _, x := range sizes {
			n += x
		}
		return n
	}),
	"Mean": several("Mean", func([]float64) float64 { return 2 }), "Max": extremeOf("Max"), "Min": extremeOf("Min"),
	"Sign": rounded(9, "Sign", -1, 1), "Floor": rounded(9, "Floor", -1.5, 0.5, 1.5),
	"Ceil":  rounded(9, "Ceil", -1.5, 0.5, 1.5),
	"Round": rounded(11, "Round", -1, 0, 2), "Hardmax": {13, hardmax},

	"Reshape": {9, reshape}, "Flatten": {9, flatten}, "Squeeze": {9, squeeze}, "Unsqueeze": {9, unsqueeze},
	"Transpose": {9, transpose},
	"Concat":    {9, concat}, "Split": {9, split}, "Slice": {9, slice}, "Pad": {9, pad}, "Expand": {9, expand},
	"Tile": {9, tile}, "Gather": {9, gather},
	"GatherElements": {11, gatherElements}, "GatherND": {11, gatherND}, "ScatterND": {11, scatterND},
	"ScatterElements": {9, scatterElements},
	"DepthToSpace":    {9, depthToSpace}, "SpaceToDepth": {9, spaceToDepth}, "CenterCropPad": {18, centerCropPad},
	"TopK":            {9, topK},
	"ReverseSequence": {10, reverseSequence}, "Trilu": {14, trilu("Trilu")}, "CumSum": {11, cumSum},
	"TensorScatter": {24, tensorScatter}, "OneHot": {9, oneHot},

	"MatMul": {9, matMul}, "Gemm": {9, gemm}, "Einsum": {12, einsum}, "Attention": {23, attention},
	"RotaryEmbedding": {23, rotaryEmbedding}, "RNN": recurrent("RNN", 1), "GRU": recurrent("GRU", 3),
	"LSTM":    recurrent("LSTM", 4),
	"Softmax": softmax("Softmax", 1), "LogSoftmax": softmax("LogSoftmax", logSize),
	"NegativeLogLikelihoodLoss": loss("NegativeLogLikelihoodLoss"),
	"SoftmaxCrossEntropyLoss":   loss("SoftmaxCrossEntropyLoss"),

	"Det": {11, det}, "Compress": {9, compress}, "DequantizeLinear": {10, dequantizeLinear},
	"SimplifiedLayerNormalization": {9, simplifiedLayerNormalization},
	"com.microsoft.Gelu":           smooth(9, "com.microsoft.Gelu", 4, 0),
	"com.microsoft.QuickGelu":      smooth(9, "com.microsoft.QuickGelu", 4, 0),
	"com.microsoft.FastGelu":       biased("com.microsoft.FastGelu", true),
	"com.microsoft.BiasGelu":       biased("com.microsoft.BiasGelu", false),
	"com.microsoft.Trilu":          {9, trilu("com.microsoft.Trilu")}, "com.microsoft.Inverse": {9, inverse},
	"com.microsoft.CDist":           {9, distances},
	"com.microsoft.FusedMatMul":     fusedMatMul("com.microsoft.FusedMatMul"),
	"com.microsoft.TransposeMatMul": fusedMatMul("com.microsoft.TransposeMatMul"),
	"com.microsoft.FusedGemm":       {9, fusedGemm}, "com.microsoft.FusedConv": {9, fusedConv},
	"com.microsoft.MultiHeadAttention":               {9, multiHeadAttention},
	"com.microsoft.SkipLayerNormalization":           skipped("com.microsoft.SkipLayerNormalization", 2),
	"com.microsoft.SkipSimplifiedLayerNormalization": skipped("com.microsoft.SkipSimplifiedLayerNormalization", 1),

	"Conv": {9, conv}, "ConvTranspose": {9, convTranspose}, "MaxPool": {9, maxPool}, "AveragePool": {9, averagePool},
	"LpPool":            {9, lpPool},
	"GlobalAveragePool": globalPool("GlobalAveragePool"), "GlobalMaxPool": globalPool("GlobalMaxPool"),
	"MaxUnpool": {9, maxUnpool},
	"Col2Im":    {18, col2Im}, "AffineGrid": {20, affineGrid}, "GridSample": {16, gridSample}, "Resize": {9, resize},

	"ReduceSum":       reduce("ReduceSum", 13, anyRank, sizeOfSum),
	"ReduceMean":      reduce("ReduceMean", 18, anyRank, sizeOfOne),
	"ReduceSumSquare": reduce("ReduceSumSquare", 18, anyRank, func(x, n float64) float64 { return x * x * n }),
	"ReduceL1":        reduce("ReduceL1", 18, awayFromZero, sizeOfSum),
	"ReduceL2":        reduce("ReduceL2", 18, awayFromZero, sizeOfSum),
	"ReduceLogSum":    reduce("ReduceLogSum", 18, positives, sizeOfSums),
	"ReduceLogSumExp": reduce("ReduceLogSumExp", 18, anyRank, sizeOfSums),
	"ReduceMax":       reduce("ReduceMax", 18, apartFromEach, sizeOfOne),
	"ReduceMin":       reduce("ReduceMin", 18, apartFromEach, sizeOfOne),
	"ReduceProd":      reduce("ReduceProd", 18, fewFactors, func(x, n float64) float64 { return math.Pow(x, n) }),

	"LayerNormalization": {17, layerNormalization}, "RMSNormalization": {23, rmsNormalization},
	"InstanceNormalization": {9, instanceNormalization},
	"GroupNormalization":    {18, groupNormalization}, "BatchNormalization": {9, batchNormalization}, "LRN": {9, lrn},
	"MeanVarianceNormalization": {9, meanVarianceNormalization}, "LpNormalization": {9, lpNormalization},
}

// elsewhere is the reason why an operator of many inputs that must fit each other has no generator.
const elsewhere = "needs inputs of special shapes and ranges: compared by tools/conformance and the tests of graphs/autodiff"

// newer is the reason why an operator that came with opset 26 or later has no generator.
const newer = "random models are of opset 9 to 25: compared by tools/conformance"

// notGenerated are the operators with a rule that no random model has, with the reason.
var notGenerated = map[string]string{
	"Swish": "ONNX Runtime 1.32 has no kernel",
	"DFT":   elsewhere, "STFT": elsewhere, "DeformConv": elsewhere, "RoiAlign": elsewhere,
	"CausalConvWithState": newer, "CumProd": newer, "LinearAttention": newer,
	"com.microsoft.Attention": elsewhere, "com.microsoft.EmbedLayerNormalization": elsewhere,
	"com.microsoft.RotaryEmbedding": elsewhere,
}

// TestEveryRuleIsGenerated: a new rule needs a generator.
func TestEveryRuleIsGenerated(t *testing.T) {
	for _, op := range autodiff.Operators() {
		_, generated := generators[op]
		if reason, exempt := notGenerated[op]; generated == exempt || exempt && reason == "" {
			t.Errorf("%s must have a generator, or a reason why it has none", op)
		}
	}
}
