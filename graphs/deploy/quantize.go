package deploy

import (
	"math"
	"slices"

	"fovea/graphs"
	"fovea/internal/numbers"
	"fovea/onnx/pb"
)

// Quantized counts a graph's weights by what Quantize did with them.
type Quantized struct {
	Products int   `json:"products"`    // in integers, whose inputs are quantised when the model runs
	Stored   int   `json:"stored"`      // convolutions in float32 whose weights have 8 bits
	Float    int   `json:"float"`       // products that did not change
	Bytes    int64 `json:"float_bytes"` // of the float32 weights that now have 8 bits
}

// Quantize stores the weights of products in 8 bits, with a scale and a zero point for each result channel. A product
// of matrices then runs in integers and quantises its input when the model runs, as ONNX Runtime's quantize_dynamic
// does. A convolution runs in float32, on weights that are scaled back when the model is loaded. The head and products
// with few weights stay in float32.
//
// Integers are unsigned. On x86 processors without VNNI, the runtime's product of an unsigned and a signed byte may
// saturate. The product of two unsigned bytes cannot.
func Quantize(g *graphs.Graph) (Quantized, error) {
	var q Quantized
	if err := useStandardProducts(g); err != nil {
		return q, err
	}
	last := head(g)
	z := quantizer{Graph: g, inputs: map[*graphs.Value]quantizedTensor{}, weights: map[weightForm]quantizedTensor{}}
	eachNode(g, func(n *graphs.Node) {
		if !hasWeight(n) {
			return
		}
		bytes := n.Inputs[1].Bytes()
		switch {
		case n == last || bytes < 4*fewestWeights:
			q.Float++
		case n.Op == "Conv":
			z.storeWeight(n)
			q.Stored++
			q.Bytes += bytes
		case n.Op == "MatMul" && n.Inputs[1].Rank() == 2, n.Op == "Gemm" && isPlainGemm(n):
			z.quantizeProduct(n)
			q.Products++
			q.Bytes += bytes
		default:
			q.Float++
		}
	})
	g.RemoveDead()
	return q, g.Err()
}

// fewestWeights is the number of weights from which a product is quantised.
const fewestWeights = 256

// isPlainGemm reports whether a Gemm is A·B or A·Bᵀ, perhaps with a bias.
func isPlainGemm(n *graphs.Node) bool {
	a := n.Attributes
	return a.Float("alpha", 1) == 1 && a.Float("beta", 1) == 1 && a.Int("transA", 0) == 0 && n.Inputs[1].Rank() == 2
}

// A quantizedTensor holds numbers in 8 bits, their scales and their zero points.
type quantizedTensor struct{ numbers, scale, zero *graphs.Value }

type quantizer struct {
	*graphs.Graph
	inputs  map[*graphs.Value]quantizedTensor // once for all nodes that read a value
	weights map[weightForm]quantizedTensor
}

// A weightForm says how a weight is stored in 8 bits, see quantizeWeight.
type weightForm struct {
	weight          *graphs.Value
	columns, matrix bool
}

// quantizeProduct writes a MatMul or Gemm in integers, in the form that the runtime joins into one kernel.
func (z *quantizer) quantizeProduct(n *graphs.Node) {
	x, w := n.Inputs[0], n.Inputs[1]
	weight := z.quantizeWeight(w, n.Op != "Gemm" || n.Attributes.Int("transB", 0) == 0, true)
	input, ok := z.inputs[x]
	if !ok {
		input = z.quantizeInput(x)
		z.inputs[x] = input
	}
	y := n.Outputs[0]
	sum := &graphs.Value{Type: pb.TensorProto_INT32, Shape: y.Shape}
	operands := []*graphs.Value{input.numbers, weight.numbers, input.zero, weight.zero}
	z.Append(&graphs.Node{Op: "MatMulInteger", Inputs: operands}, sum)
	factors := []*graphs.Value{z.Cast(sum, graphs.Float32), z.Mul(input.scale, weight.scale)}
	if n.Op == "Gemm" && n.Input(2) != nil {
		product := &graphs.Value{Type: graphs.Float32, Shape: y.Shape}
		z.Append(&graphs.Node{Op: "Mul", Inputs: factors}, product)
		n.Op, n.Inputs = "Add", []*graphs.Value{product, n.Inputs[2]}
	} else {
		n.Op, n.Inputs = "Mul", factors
	}
	n.Version, n.Attributes = 0, nil
}

const uint8s = pb.TensorProto_UINT8

// quantizeInput appends a node that quantises x when the model runs.
func (z *quantizer) quantizeInput(x *graphs.Value) quantizedTensor {
	q := quantizedTensor{&graphs.Value{Type: uint8s, Shape: x.Shape},
		&graphs.Value{Type: graphs.Float32, Shape: []int64{}}, &graphs.Value{Type: uint8s, Shape: []int64{}}}
	z.Append(&graphs.Node{Op: "DynamicQuantizeLinear", Inputs: []*graphs.Value{x}}, q.numbers, q.scale, q.zero)
	return q
}

// storeWeight gives a convolution weights of 8 bits, which plain arithmetic on constants scales back: runtimes do that
// once, when they load the model. They would run a DequantizeLinear for every image, and could not lay out its result
// for a kernel, as it is no constant.
func (z *quantizer) storeWeight(n *graphs.Node) {
	w := n.Inputs[1]
	weight := z.quantizeWeight(w, false, false)
	column := slices.Repeat([]int64{1}, w.Rank())
	column[0] = w.Shape[0]
	zero := z.Cast(z.Reshape(weight.zero, column...), graphs.Float32)
	steps := z.Sub(z.Cast(weight.numbers, graphs.Float32), zero)
	n.Inputs[1] = z.Mul(steps, z.Reshape(weight.scale, column...))
}

// quantizeWeight stores a weight in 8 bits. columns says that its channels are columns; otherwise they are its first
// dimension. matrix asks for a matrix with the channels as columns.
func (z *quantizer) quantizeWeight(w *graphs.Value, columns, matrix bool) quantizedTensor {
	key := weightForm{w, columns, matrix}
	if known, ok := z.weights[key]; ok {
		return known
	}
	values, _ := w.FloatValues()
	shape := w.Shape
	if matrix && !columns {
		values = transposed(values, int(shape[0]), int(shape[1]))
		shape = []int64{shape[1], shape[0]}
	}
	channels := int(shape[0])
	channel := func(i int) int { return i / max(len(values)/channels, 1) }
	if matrix {
		channels = int(shape[1])
		channel = func(i int) int { return i % channels }
	}
	data, scales, zeros := quantize(values, channels, channel)
	name := w.Name
	if columns != matrix {
		name += "/transposed"
	}
	perChannel := []int64{int64(channels)}
	z.weights[key] = quantizedTensor{z.Initializer(name+"/uint8", uint8s, shape, data),
		z.Initializer(name+"/scale", graphs.Float32, perChannel, numbers.Encode(scales)),
		z.Initializer(name+"/zero", uint8s, perChannel, zeros)}
	return z.weights[key]
}

// quantize writes values in steps of their channel's scale, counted from its zero point. The range of a channel always
// includes 0.
func quantize(values []float32, channels int, channel func(i int) int) (data []byte, scales []float32, zeros []byte) {
	const steps = 255
	low, high := make([]float64, channels), make([]float64, channels)
	for i, x := range values {
		c := channel(i)
		low[c], high[c] = min(low[c], float64(x)), max(high[c], float64(x))
	}
	scales, zeros = make([]float32, channels), make([]byte, channels)
	for c := range scales {
		if scales[c] = float32((high[c] - low[c]) / steps); scales[c] == 0 {
			scales[c] = 1
		}
		zeros[c] = byte(math.RoundToEven(-low[c] / float64(scales[c])))
	}
	data = make([]byte, len(values))
	for i, x := range values {
		c := channel(i)
		step := math.RoundToEven(float64(x)/float64(scales[c])) + float64(zeros[c])
		data[i] = byte(min(max(step, 0), steps))
	}
	return data, scales, zeros
}

func transposed(values []float32, rows, columns int) []float32 {
	out := make([]float32, len(values))
	for i := range rows {
		for j := range columns {
			out[j*rows+i] = values[i*columns+j]
		}
	}
	return out
}
