package graphs

import "fovea/onnx/pb"

// A precision is the type in which an operator runs in a graph of mixed precision. The choices follow torch.autocast on
// CUDA unless docs/precision.md gives a reason. The kernels are those of ONNX Runtime's CUDA provider.
type precision int

const (
	float32Always precision = iota // also for operators without an entry
	halfPrecision
	itsInputs // half precision if all inputs are
)

// A placement says in which precision an operator runs.
type placement struct {
	in        precision
	exact     bool // nothing is rounded: results are elements of the inputs or small integers
	movesOnly bool // results are elements of the first input alone

	noFloat16, noBFloat16 bool // there is no such kernel, so the float32 kernel runs between casts
}

// kernel reports whether an operator has a kernel of the half-precision type.
func (p placement) kernel(n *Node, half pb.TensorProto_DataType, opset int64) bool {
	if half == Float16 {
		return !p.noFloat16
	}
	return !p.noBFloat16 && (n.Op != "Conv" || opset >= bfloat16Conv)
}

// bfloat16Conv is the first opset with convolutions in bfloat16.
const bfloat16Conv = 22

// onlyBefore22 lists the operators that got a new version in opset 22 for which the CUDA provider of ONNX Runtime 1.31
// has, or may have, no kernel. GroupNormalization is among them: its scale and bias have other shapes since opset 21.
var onlyBefore22 = []string{
	"Bernoulli", "DeformConv", "Det", "Dropout", "Elu", "EyeLike", "GRU", "GlobalLpPool", "GridSample",
	"GroupNormalization", "InstanceNormalization", "LSTM", "LpNormalization", "LpPool", "MaxPool", "MaxRoiPool",
	"MaxUnpool", "Multinomial", "RNN", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
	"RoiAlign", "Selu", "Tan", "ThresholdedRelu",
}

var (
	multiply   = placement{in: halfPrecision}
	arithmetic = placement{in: itsInputs}
	choice     = placement{in: itsInputs, exact: true}
	movement   = placement{in: itsInputs, exact: true, movesOnly: true}
)

// butBFloat16 returns the placement for an operator that has no bfloat16 kernel.
func (p placement) butBFloat16() placement {
	p.noBFloat16 = true
	return p
}

// key returns the operator's name, preceded by its domain unless that is the standard's.
func (n *Node) key() string {
	if n.Domain == "" {
		return n.Op
	}
	return n.Domain + "." + n.Op
}

// placements lists the operators that do not always run in float32.
var placements = map[string]placement{
	"MatMul": multiply, "Gemm": multiply, "com.microsoft.FusedMatMul": multiply,
	"Conv": multiply, "ConvTranspose": multiply.butBFloat16(), "Einsum": multiply.butBFloat16(),

	"Add": arithmetic, "Sub": arithmetic, "Mul": arithmetic, "Div": arithmetic, "Sum": arithmetic,
	"Sigmoid": arithmetic, "Tanh": arithmetic, "Erf": arithmetic, "Gelu": arithmetic, "com.microsoft.Gelu": arithmetic,
	"LeakyRelu": arithmetic.butBFloat16(), "Elu": arithmetic.butBFloat16(), "Selu": arithmetic.butBFloat16(),
	"HardSigmoid": arithmetic.butBFloat16(), "HardSwish": arithmetic.butBFloat16(), "Mish": arithmetic.butBFloat16(),
	"Softmax": arithmetic, "LayerNormalization": arithmetic,
	"AveragePool": arithmetic.butBFloat16(), "GlobalAveragePool": arithmetic.butBFloat16(),
	"BatchNormalization": {in: itsInputs, noFloat16: true, noBFloat16: true},

	"Neg": choice, "Abs": choice, "Sign": choice, "Relu": choice, "Max": choice, "Min": choice, "Where": choice,
	"Clip": choice.butBFloat16(), "MaxPool": choice.butBFloat16(), "GlobalMaxPool": choice.butBFloat16(),
	"Equal": choice.butBFloat16(), "Less": choice.butBFloat16(), "Greater": choice.butBFloat16(),
	"LessOrEqual": choice.butBFloat16(), "GreaterOrEqual": choice.butBFloat16(), "IsNaN": choice, "IsInf": choice,

	"Identity": movement, "Reshape": movement, "Flatten": movement, "Squeeze": movement, "Unsqueeze": movement,
	"Transpose": movement, "Expand": movement, "Tile": movement, "Slice": movement, "Split": movement,
	"Gather": movement, "GatherElements": movement, "GatherND": movement,
	"DepthToSpace": movement.butBFloat16(), "SpaceToDepth": movement.butBFloat16(),
	"Concat": choice, "Pad": choice.butBFloat16(), "Shape": choice,
}
