package deploy

import (
	"math"
	"slices"

	"fovea/graphs"
	"fovea/internal/numbers"
	"fovea/onnx/pb"
)

// Quantized tells what became of a graph's weights.
type Quantized struct {
	Products int   `json:"products"`    // whose weights have 8 bits and whose inputs are quantised as they come
	Stored   int   `json:"stored"`      // convolutions whose weights have 8 bits but that run in float32
	Float    int   `json:"float"`       // products that stayed as they were
	Bytes    int64 `json:"float_bytes"` // of float32 weights that now have 8 bits
}

// Quantize stores the weights of products in 8 bits, with a scale and a
// zero point a result channel. A product of matrices with a weight then runs in integers, its input
// quantised when it is there, as ONNX Runtime's quantize_dynamic does it; a
// convolution runs in float32 on weights that are scaled back when the model is
// loaded. The head and a
// product with few weights stay in float32.
//
// Integers are unsigned: on x86 processors without VNNI the product of an unsigned
// and a signed byte may saturate in the runtime's kernels, that of two unsigned
// ones cannot.
func Quantize(g *graphs.Graph) (Quantized, error) {
	var q Quantized
	if err := standard(g); err != nil {
		return q, err
	}
	last := head(g)
	nodes := g.Nodes
	g.Nodes = nil
	z := quantizer{Graph: g, activations: map[*graphs.Value][3]*graphs.Value{}, weights: map[form][3]*graphs.Value{}}
	for _, n := range nodes {
		if weightOf(n) >= 0 {
			bytes := n.Inputs[1].Bytes()
			switch {
			case n == last || bytes < 4*fewest:
				q.Float++
			case n.Op == "Conv":
				z.store(n)
				q.Stored++
				q.Bytes += bytes
			case n.Op == "MatMul" && n.Inputs[1].Rank() == 2, n.Op == "Gemm" && plain(n):
				z.product(n)
				q.Products++
				q.Bytes += bytes
			default:
				q.Float++
			}
		}
		g.Nodes = append(g.Nodes, n)
	}
	g.RemoveDead()
	return q, g.Err()
}

// fewest weights that are worth it.
const fewest = 256

// plain tells whether a Gemm is op(A)·op(B), but for A transposed, with a bias.
func plain(n *graphs.Node) bool {
	a := n.Attributes
	return a.Float("alpha", 1) == 1 && a.Float("beta", 1) == 1 && a.Int("transA", 0) == 0 && n.Inputs[1].Rank() == 2
}

type quantizer struct {
	*graphs.Graph
	activations map[*graphs.Value][3]*graphs.Value // values, scale and zero point, once for all that read them
	weights     map[form][3]*graphs.Value          // likewise
}

// form of a weight in 8 bits, see bytes.
type form struct {
	weight          *graphs.Value
	columns, matrix bool
}

// product is a MatMul or Gemm in integers, in the form that the runtime joins
// into one kernel.
func (z *quantizer) product(n *graphs.Node) {
	x, w := n.Inputs[0], n.Inputs[1]
	weight := z.bytes(w, n.Op != "Gemm" || n.Attributes.Int("transB", 0) == 0, true)
	a, ok := z.activations[x]
	if !ok {
		a = z.dynamic(x)
		z.activations[x] = a
	}
	y := n.Outputs[0]
	sum := &graphs.Value{Type: pb.TensorProto_INT32, Shape: y.Shape}
	z.Append(&graphs.Node{Op: "MatMulInteger", Inputs: []*graphs.Value{a[0], weight[0], a[2], weight[2]}}, sum)
	factors := []*graphs.Value{z.Cast(sum, graphs.Float32), z.Mul(a[1], weight[1])}
	if n.Op == "Gemm" && len(n.Inputs) > 2 && n.Inputs[2] != nil {
		product := &graphs.Value{Type: graphs.Float32, Shape: y.Shape}
		z.Append(&graphs.Node{Op: "Mul", Inputs: factors}, product)
		n.Op, n.Inputs = "Add", []*graphs.Value{product, n.Inputs[2]}
	} else {
		n.Op, n.Inputs = "Mul", factors
	}
	n.Version, n.Attributes = 0, nil
}

const uint8s = pb.TensorProto_UINT8

// dynamic quantises x when the model runs.
func (z *quantizer) dynamic(x *graphs.Value) [3]*graphs.Value {
	return [3]*graphs.Value(z.Append(&graphs.Node{Op: "DynamicQuantizeLinear", Inputs: []*graphs.Value{x}},
		&graphs.Value{Type: uint8s, Shape: x.Shape}, &graphs.Value{Type: graphs.Float32, Shape: []int64{}},
		&graphs.Value{Type: uint8s, Shape: []int64{}}))
}

// store gives a convolution weights of 8 bits that are scaled back by plain
// arithmetic on constants: runtimes do it once, when they load the model. What
// DequantizeLinear makes is computed for every image, and is no constant that
// could be laid out for a kernel.
func (z *quantizer) store(n *graphs.Node) {
	w := n.Inputs[1]
	weight := z.bytes(w, false, false)
	column := slices.Repeat([]int64{1}, w.Rank())
	column[0] = w.Shape[0]
	steps := z.Sub(z.Cast(weight[0], graphs.Float32), z.Cast(z.Reshape(weight[2], column...), graphs.Float32))
	n.Inputs[1] = z.Mul(steps, z.Reshape(weight[1], column...))
}

// bytes is a weight in 8 bits, its scales and its zero points. columns tells
// that its channels are columns, else they are its first dimension; matrix asks
// for a matrix with channels as columns.
func (z *quantizer) bytes(w *graphs.Value, columns, matrix bool) [3]*graphs.Value {
	key := form{w, columns, matrix}
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
	data, scales, zeros := quantized(values, channels, channel)
	name := w.Name
	if columns != matrix {
		name += "/transposed"
	}
	one := []int64{int64(channels)}
	z.weights[key] = [3]*graphs.Value{z.Initializer(name+"/uint8", uint8s, shape, data),
		z.Initializer(name+"/scale", graphs.Float32, one, numbers.Encode(scales)),
		z.Initializer(name+"/zero", uint8s, one, zeros)}
	return z.weights[key]
}

// quantized are values in steps of their channel's scale from its zero point on;
// the range of a channel reaches from its least value, or 0, to its largest, or 0.
func quantized(values []float32, channels int, channel func(i int) int) (data []byte, scales []float32, zeros []byte) {
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
		at := math.RoundToEven(float64(x)/float64(scales[c])) + float64(zeros[c])
		data[i] = byte(min(max(at, 0), steps))
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
