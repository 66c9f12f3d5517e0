package graphs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A table is a map from operators, named with their domain unless that is the standard's.
type table struct {
	name, variable, file string
	absent               map[string]string // operators that deliberately have no entry, by the reason
}

// tables lists the tables in which an operator may need an entry; docs/operators.md explains what each entry means.
var tables = []table{
	{"shape inference", "inferences", "infer.go", map[string]string{
		"shapes come from an imported model's trace, or from the rule that writes the node": `
			CausalConvWithState CumProd LinearAttention AffineGrid Attention CastLike CenterCropPad Col2Im Compress
			CumSum DFT DeformConv DepthToSpace DequantizeLinear Det Einsum GRU GatherElements GatherND GridSample
			GroupNormalization Hardmax InstanceNormalization LRN LSTM LpNormalization LpPool MaxUnpool
			MeanVarianceNormalization Mod NegativeLogLikelihoodLoss OneHot RMSNormalization RNN ReduceProd Resize
			ReverseSequence RoiAlign RotaryEmbedding STFT ScatterND Shrink SimplifiedLayerNormalization
			SoftmaxCrossEntropyLoss SpaceToDepth Swish TensorScatter Tile TopK Trilu com.microsoft.Attention
			com.microsoft.BiasGelu com.microsoft.CDist com.microsoft.EmbedLayerNormalization com.microsoft.FastGelu
			com.microsoft.FusedConv com.microsoft.FusedGemm com.microsoft.Gelu com.microsoft.Inverse
			com.microsoft.MultiHeadAttention com.microsoft.QuickGelu com.microsoft.RotaryEmbedding
			com.microsoft.SkipLayerNormalization com.microsoft.SkipSimplifiedLayerNormalization
			com.microsoft.TransposeMatMul com.microsoft.Trilu`,
	}},
	{"rule", "rules", "autodiff/rules.go", map[string]string{
		"the result has no gradient: it is boolean, or a shape": `
			Equal Shape`,
	}},
	{"mixed precision", "placements", "placement.go", map[string]string{
		"loss, logarithm, power or exponential: float32, as under torch.autocast": `
			Exp Log LogSoftmax NegativeLogLikelihoodLoss Pow Reciprocal SoftmaxCrossEntropyLoss Softplus Sqrt`,
		"sum of many elements: float32, as under torch.autocast; see mixing.choose for the exceptions": `
			CumProd CumSum LpPool ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
			ReduceProd ReduceSum ReduceSumSquare ScatterElements ScatterND`,
		"statistics: float32": `
			GroupNormalization InstanceNormalization LRN LpNormalization MeanVarianceNormalization RMSNormalization
			SimplifiedLayerNormalization com.microsoft.EmbedLayerNormalization com.microsoft.SkipLayerNormalization
			com.microsoft.SkipSimplifiedLayerNormalization`,
		"its attribute, or an input, says the type": `
			Cast CastLike`,
		"float32, which is always right: half precision was not measured": `
			CausalConvWithState LinearAttention Acos Acosh AffineGrid Asin Asinh Atan Atanh Attention Ceil Celu
			CenterCropPad Col2Im Compress Cos Cosh DFT DeformConv DequantizeLinear Det Floor GRU GridSample Hardmax LSTM
			MaxUnpool Mean Mod OneHot PRelu RNN Resize ReverseSequence RoiAlign RotaryEmbedding Round STFT Shrink Sin
			Sinh Softsign Swish Tan TensorScatter ThresholdedRelu TopK Trilu com.microsoft.Attention
			com.microsoft.BiasGelu com.microsoft.CDist com.microsoft.FastGelu com.microsoft.FusedConv
			com.microsoft.FusedGemm com.microsoft.Inverse com.microsoft.MultiHeadAttention com.microsoft.QuickGelu
			com.microsoft.RotaryEmbedding com.microsoft.TransposeMatMul com.microsoft.Trilu`,
	}},
	{"importer form", "forms", "importer/modernise.go", map[string]string{
		"the importer hands its input on": `
			Identity`,
		"modernise gives it its statistics": `
			LayerNormalization`,
		"its rule reads the form that every opset gives it": `
			CausalConvWithState CumProd LinearAttention Abs Acos Acosh Add AffineGrid Asin Asinh Atan Atanh Attention
			AveragePool Cast CastLike Ceil Celu CenterCropPad Col2Im Compress Concat Conv ConvTranspose Cos Cosh CumSum
			DeformConv DepthToSpace DequantizeLinear Det Div Einsum Elu Equal Erf Exp Expand Floor GRU Gather
			GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool GroupNormalization HardSigmoid HardSwish
			InstanceNormalization LRN LSTM LeakyRelu Log LpNormalization LpPool MatMul Max MaxPool MaxUnpool Mean
			MeanVarianceNormalization Min Mish Mod Mul Neg NegativeLogLikelihoodLoss OneHot PRelu Pow RMSNormalization
			RNN Reciprocal Relu ReverseSequence RotaryEmbedding Round STFT ScatterElements ScatterND Selu Shape Shrink
			Sigmoid Sign SimplifiedLayerNormalization Sin Sinh SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth
			Sqrt Sub Sum Swish Tan Tanh TensorScatter ThresholdedRelu Tile Trilu Where`,
		"ONNX Runtime's own operators have one version": `
			com.microsoft.Attention com.microsoft.BiasGelu com.microsoft.CDist com.microsoft.EmbedLayerNormalization
			com.microsoft.FastGelu com.microsoft.FusedConv com.microsoft.FusedGemm com.microsoft.FusedMatMul
			com.microsoft.Gelu com.microsoft.Inverse com.microsoft.MultiHeadAttention com.microsoft.QuickGelu
			com.microsoft.RotaryEmbedding com.microsoft.SkipLayerNormalization
			com.microsoft.SkipSimplifiedLayerNormalization com.microsoft.TransposeMatMul com.microsoft.Trilu`,
	}},
	{"multiply-adds", "formulas", "cost/flops.go", map[string]string{
		"multiplies by a matrix, but is not counted: no classifier has it": `
			AffineGrid Col2Im DFT Det STFT`,
		"not known, which trainer inspect says: no classifier has it": `
			com.microsoft.CDist com.microsoft.Inverse`,
		"no product of matrices": `
			CumProd Abs Acos Acosh Add Asin Asinh Atan Atanh AveragePool BatchNormalization Cast CastLike Ceil Celu
			CenterCropPad Clip Compress Concat Cos Cosh CumSum DepthToSpace DequantizeLinear Div Elu Equal Erf Exp
			Expand Floor Gather GatherElements GatherND Gelu GlobalAveragePool GlobalMaxPool GridSample
			GroupNormalization HardSigmoid HardSwish Hardmax Identity InstanceNormalization LRN LayerNormalization
			LeakyRelu Log LogSoftmax LpNormalization LpPool Max MaxPool MaxUnpool Mean MeanVarianceNormalization Min
			Mish Mod Mul Neg NegativeLogLikelihoodLoss OneHot PRelu Pad Pow RMSNormalization Reciprocal ReduceL1
			ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare
			Relu Reshape Resize ReverseSequence RoiAlign RotaryEmbedding Round ScatterElements ScatterND Selu Shape
			Shrink Sigmoid Sign SimplifiedLayerNormalization Sin Sinh Slice Softmax SoftmaxCrossEntropyLoss Softplus
			Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Swish Tan Tanh TensorScatter ThresholdedRelu Tile TopK
			Transpose Trilu Where`,
	}},
	{"head search", "behindHead", "transfer/head.go", map[string]string{
		"does not stand between the last linear layer and the scores": `
			CausalConvWithState CumProd LinearAttention
			Abs Acos Acosh AffineGrid Asin Asinh Atan Atanh Attention BatchNormalization CastLike Ceil Celu
			CenterCropPad Col2Im Compress Conv ConvTranspose Cos Cosh CumSum DFT DeformConv DepthToSpace Det Einsum Elu
			Equal Erf Floor GRU GatherElements GatherND Gelu Gemm GlobalMaxPool GridSample GroupNormalization HardSwish
			Hardmax InstanceNormalization LRN LSTM LayerNormalization LeakyRelu LpPool MatMul MaxPool MaxUnpool
			MeanVarianceNormalization Mish Mod NegativeLogLikelihoodLoss OneHot PRelu Pad RMSNormalization RNN ReduceL2
			ReduceLogSum ReduceMin ReduceProd ReduceSumSquare Resize ReverseSequence RoiAlign RotaryEmbedding Round STFT
			ScatterElements ScatterND Selu Shape Shrink Sign SimplifiedLayerNormalization Sin Sinh
			SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Sqrt Swish Tan TensorScatter ThresholdedRelu Tile
			TopK Trilu com.microsoft.Attention com.microsoft.BiasGelu com.microsoft.CDist
			com.microsoft.EmbedLayerNormalization com.microsoft.FastGelu com.microsoft.FusedConv com.microsoft.FusedGemm
			com.microsoft.FusedMatMul com.microsoft.Gelu com.microsoft.Inverse com.microsoft.MultiHeadAttention
			com.microsoft.QuickGelu com.microsoft.RotaryEmbedding com.microsoft.SkipLayerNormalization
			com.microsoft.SkipSimplifiedLayerNormalization com.microsoft.TransposeMatMul com.microsoft.Trilu`,
	}},
}

// TestOperatorsAreInAllTables: an operator with a shape inference or a rule has an entry in each table, or a reason why
// it has none.
func TestOperatorsAreInAllTables(t *testing.T) {
	const inferences, rules = 0, 1
	entries := make([]map[string]bool, len(tables))
	for i, table := range tables {
		entries[i] = operatorsIn(t, table.file, table.variable)
	}
	for op := range operatorsIn(t, "cost/microsoft.go", "microsoft") { // the rest of the formulas
		formulas := slices.IndexFunc(tables, func(t table) bool { return t.variable == "formulas" })
		entries[formulas]["com.microsoft."+op] = true
	}
	// Inference needs no domain: ONNX Runtime's FusedMatMul has a name of its own.
	delete(entries[inferences], "FusedMatMul")
	entries[inferences]["com.microsoft.FusedMatMul"] = true

	known := maps.Clone(entries[inferences])
	maps.Copy(known, entries[rules])
	for i, table := range tables {
		reasons := table.reasons(t)
		for _, op := range slices.Sorted(maps.Keys(known)) {
			switch reason, absent := reasons[op]; {
			case !entries[i][op] && !absent:
				t.Errorf("%s has no entry in %s of graphs/%s (%s): add one, or list it as absent, with the reason, in "+
					"graphs/operators_test.go; see docs/operators.md", op, table.variable, table.file, table.name)
			case entries[i][op] && absent:
				t.Errorf("%s is in %s of graphs/%s, but graphs/operators_test.go says why it is not: %s",
					op, table.variable, table.file, reason)
			}
			delete(reasons, op)
		}
		for op := range reasons {
			t.Errorf("graphs/operators_test.go says why %s is not in %s, but it has no shape inference and no rule",
				op, table.variable)
		}
	}
}

// reasons returns why operators have no entry, by operator.
func (t table) reasons(test *testing.T) map[string]string {
	out := map[string]string{}
	for reason, operators := range t.absent {
		for _, op := range strings.Fields(operators) {
			if out[op] != "" {
				test.Errorf("graphs/operators_test.go lists %s twice as absent from %s", op, t.variable)
			}
			out[op] = reason
		}
	}
	return out
}

// operatorsIn reads the keys of a map literal from the source, so that no package has to export its table.
func operatorsIn(t *testing.T, file, variable string) map[string]bool {
	t.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	ast.Inspect(source, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != variable || len(spec.Values) != 1 {
			return true
		}
		for _, entry := range spec.Values[0].(*ast.CompositeLit).Elts {
			op, err := strconv.Unquote(entry.(*ast.KeyValueExpr).Key.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(fmt.Errorf("%s: %w", file, err))
			}
			out[op] = true
		}
		return false
	})
	if len(out) == 0 {
		t.Fatalf("graphs/%s has no table %s", file, variable)
	}
	return out
}
