package limits

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"fovea/internal/numbers"
	"fovea/onnx"
	"fovea/onnx/pb"
)

// A value is what is known about a tensor. The zero value is one of which nothing is known.
type value struct {
	kind   pb.TensorProto_DataType
	dims   []float64       // nil: unknown; floats do not overflow
	tensor *pb.TensorProto // of a constant of the file
	ints   []int64         // the elements of a short list of integers, from constants and shapes
}

// longestList is the largest number of integers whose values are followed.
const longestList = 64

func (v *value) elements() float64 {
	n := 1.0
	for _, d := range v.dims {
		n *= d
	}
	return n
}

// bytes returns the size of a value, or 0 if it is not known.
func (v *value) bytes() float64 {
	if v == nil || v.dims == nil {
		return 0
	}
	width := 4.0
	if size, err := onnx.ElementSize(v.kind); err == nil {
		width = float64(size)
	}
	return v.elements() * width
}

func scalar(kind pb.TensorProto_DataType) *value { return &value{kind: kind, dims: []float64{}} }

func tensorValue(t *pb.TensorProto) *value {
	v := &value{kind: pb.TensorProto_DataType(t.GetDataType()), dims: floats(t.GetDims()), tensor: t}
	if v.elements() <= longestList {
		v.ints = Integers(t)
	}
	return v
}

func inputValue(in *pb.ValueInfoProto, sizes Sizes) *value {
	tensor := in.GetType().GetTensorType()
	if tensor.GetShape() == nil {
		return &value{}
	}
	v := &value{kind: pb.TensorProto_DataType(tensor.GetElemType()), dims: []float64{}}
	for i, d := range tensor.GetShape().GetDim() {
		size := d.GetDimValue()
		if size <= 0 && sizes != nil {
			size = sizes(d.GetDimParam(), i)
		}
		v.dims = append(v.dims, float64(max(size, 1)))
	}
	return v
}

func floats(list []int64) []float64 {
	out := make([]float64, len(list))
	for i, x := range list {
		out[i] = float64(x)
	}
	return out
}

func shapeText(dims []float64) string {
	parts := make([]string, min(len(dims), 8))
	for i := range parts {
		parts[i] = fmt.Sprintf("%.4g", dims[i])
	}
	return strings.Join(parts, "×")
}

// quoted returns a name of the file for messages: in quotes, without control characters, and not too long.
func quoted(name string) string {
	const most = 100
	if len(name) > most {
		name = name[:most] + "…"
	}
	return fmt.Sprintf("%q", name)
}

// attributes gives access to the attributes of a node.
func attributes(n *pb.NodeProto) attributeList { return n.GetAttribute() }

type attributeList []*pb.AttributeProto

func (l attributeList) find(name string) *pb.AttributeProto {
	for _, a := range l {
		if a.GetName() == name {
			return a
		}
	}
	return nil
}

func (l attributeList) int(name string, otherwise int64) int64 {
	if a := l.find(name); a != nil {
		return a.GetI()
	}
	return otherwise
}

func (l attributeList) ints(name string) []int64 { return l.find(name).GetInts() }

// repeated returns element i of a list of integers, or otherwise if it is shorter.
func (l attributeList) element(name string, i int, otherwise int64) float64 {
	if list := l.ints(name); i < len(list) {
		return float64(list[i])
	}
	return float64(otherwise)
}

// An inference returns a node's results as far as they are known.
type inference func(n *pb.NodeProto, in []*value) []*value

// infer returns what is known of a node's results. Operators that it does not know have results of unknown size.
func infer(n *pb.NodeProto, in []*value) []*value {
	switch n.GetOpType() {
	case "NonZero":
		if len(in) == 0 || in[0].dims == nil {
			return one(&value{kind: pb.TensorProto_INT64})
		}
		return one(&value{kind: pb.TensorProto_INT64, dims: []float64{float64(len(in[0].dims)), in[0].elements()}})
	case "TopK", "Unique", "MaxPool":
		return indexed(n, in)
	}
	return inferRule(n, in)
}

// indexed knows operators whose further results are indices.
func indexed(n *pb.NodeProto, in []*value) []*value {
	out := inferRule(n, in)
	if out == nil {
		out = one(&value{})
	}
	for len(out) < len(n.GetOutput()) {
		out = append(out, &value{kind: pb.TensorProto_INT64, dims: out[0].dims})
	}
	return out
}

func inferRule(n *pb.NodeProto, in []*value) []*value {
	rule := rules[n.GetOpType()]
	if rule == nil || len(in) > 0 && in[0].dims == nil {
		return nil
	}
	if len(in) == 0 && n.GetOpType() != "Constant" {
		return nil
	}
	return rule(n, in)
}

var rules = map[string]inference{}

func init() {
	for rule, ops := range map[*inference]string{
		ptr(unchanged): "Identity Neg Exp Erf Log Sqrt Tanh Gelu Abs Sign Floor Ceil Round Reciprocal Sin Cos Tan Asin Acos " +
			"Atan Sinh Cosh Asinh Acosh Atanh Sigmoid Softplus Softsign Mish HardSwish HardSigmoid Relu LeakyRelu " +
			"ThresholdedRelu Elu Celu Selu Softmax LogSoftmax Hardmax Clip Dropout LayerNormalization " +
			"InstanceNormalization BatchNormalization GroupNormalization RMSNormalization LpNormalization LRN CumSum " +
			"Trilu ScatterElements ScatterND Scatter ReverseSequence Not BitwiseNot Shrink QuickGelu FastGelu BiasGelu " +
			"Swish",
		ptr(cast): "Cast CastLike IsNaN IsInf QuantizeLinear DequantizeLinear",
		ptr(broadcast): "Add Sub Mul Div Pow PRelu Mod Sum Mean Max Min Where Equal Less Greater LessOrEqual " +
			"GreaterOrEqual And Or Xor BitShift BitwiseAnd BitwiseOr BitwiseXor",
		ptr(matMul): "MatMul FusedMatMul", ptr(gemm): "Gemm", ptr(conv): "Conv", ptr(convTranspose): "ConvTranspose",
		ptr(pool):       "MaxPool AveragePool LpPool",
		ptr(globalPool): "GlobalAveragePool GlobalMaxPool GlobalLpPool",
		ptr(concat):     "Concat", ptr(expand): "Expand", ptr(tile): "Tile", ptr(reshape): "Reshape",
		ptr(flatten): "Flatten", ptr(squeeze): "Squeeze", ptr(unsqueeze): "Unsqueeze", ptr(transpose): "Transpose",
		ptr(slice): "Slice", ptr(split): "Split", ptr(gather): "Gather", ptr(pad): "Pad", ptr(resize): "Resize Upsample",
		ptr(shapeOf): "Shape", ptr(sizeOf): "Size", ptr(constantOfShape): "ConstantOfShape", ptr(rangeOf): "Range",
		ptr(oneHot): "OneHot", ptr(constantNode): "Constant", ptr(secondShape): "GatherElements",
		ptr(depthToSpace): "DepthToSpace", ptr(einsum): "Einsum",
		ptr(reduce): "ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum " +
			"ReduceLogSumExp ReduceSumSquare ArgMax ArgMin",
	} {
		for _, op := range strings.Fields(ops) {
			rules[op] = *rule
		}
	}
}

func ptr(i inference) *inference { return &i }

func one(v *value) []*value { return []*value{v} }

// like returns a result of the first input's type.
func like(in []*value, dims []float64) []*value {
	for _, d := range dims {
		if !(d >= 0) {
			return nil
		}
	}
	return one(&value{kind: in[0].kind, dims: dims})
}

func unchanged(n *pb.NodeProto, in []*value) []*value {
	if n.GetOpType() == "Identity" {
		return one(in[0])
	}
	return like(in, in[0].dims)
}

func cast(n *pb.NodeProto, in []*value) []*value {
	v := &value{kind: in[0].kind, dims: in[0].dims, ints: in[0].ints}
	if to := attributes(n).find("to"); to != nil {
		v.kind = pb.TensorProto_DataType(to.GetI())
	}
	return one(v)
}

func broadcast(n *pb.NodeProto, in []*value) []*value {
	dims := []float64{}
	for _, v := range in {
		if v.dims == nil {
			return nil
		}
		wide, narrow := dims, v.dims
		if len(wide) < len(narrow) {
			wide, narrow = narrow, wide
		}
		dims = slices.Clone(wide)
		for i, d := range narrow {
			j := len(wide) - len(narrow) + i
			dims[j] = max(dims[j], d)
		}
	}
	out := like(in, dims)
	out[0].ints = arithmetic(n.GetOpType(), in)
	if n.GetOpType() == "Where" {
		out[0].kind = in[1].kind
	}
	return out
}

// arithmetic computes with short lists of integers.
func arithmetic(op string, in []*value) (out []int64) {
	if len(in) != 2 || in[0].ints == nil || in[1].ints == nil {
		return nil
	}
	a, b := in[0].ints, in[1].ints
	n := max(len(a), len(b))
	if len(a) == 0 || len(b) == 0 || len(a) != n && len(a) != 1 || len(b) != n && len(b) != 1 {
		return nil
	}
	for i := range n {
		x, y := a[i%len(a)], b[i%len(b)]
		switch op {
		case "Add":
			x += y
		case "Sub":
			x -= y
		case "Mul":
			x *= y
		case "Div":
			if y == 0 || y == -1 {
				return nil
			}
			x /= y
		default:
			return nil
		}
		out = append(out, x)
	}
	return out
}

func matMul(n *pb.NodeProto, in []*value) []*value {
	if len(in) < 2 || len(in[0].dims) < 2 || len(in[1].dims) < 2 || n.GetOpType() == "FusedMatMul" {
		return nil
	}
	a, b := in[0].dims, in[1].dims
	rows, columns := a[len(a)-2], b[len(b)-1]
	outer := broadcast(n, []*value{{dims: a[:len(a)-2]}, {dims: b[:len(b)-2]}})[0].dims
	return like(in, append(outer, rows, columns))
}

func gemm(n *pb.NodeProto, in []*value) []*value {
	if len(in) < 2 || len(in[0].dims) != 2 || len(in[1].dims) != 2 {
		return nil
	}
	a := attributes(n)
	return like(in, []float64{in[0].dims[a.int("transA", 0)&1], in[1].dims[1-a.int("transB", 0)&1]})
}

// window returns the spatial size of a convolution or pool.
func window(n *pb.NodeProto, x, kernel []float64) []float64 {
	a := attributes(n)
	auto := string(a.find("auto_pad").GetS())
	out := make([]float64, len(x))
	for i := range x {
		stride := max(a.element("strides", i, 1), 1)
		if strings.HasPrefix(auto, "SAME") {
			out[i] = math.Ceil(x[i] / stride)
			continue
		}
		reach := a.element("dilations", i, 1)*(kernel[i]-1) + 1
		padded := x[i] + a.element("pads", i, 0) + a.element("pads", len(x)+i, 0)
		out[i] = max(math.Floor((padded-reach)/stride)+1, 0)
	}
	return out
}

func conv(n *pb.NodeProto, in []*value) []*value {
	if len(in) < 2 || len(in[0].dims) < 3 || len(in[1].dims) != len(in[0].dims) {
		return nil
	}
	x, w := in[0].dims, in[1].dims
	return like(in, append([]float64{x[0], w[0]}, window(n, x[2:], w[2:])...))
}

func convTranspose(n *pb.NodeProto, in []*value) []*value {
	if len(in) < 2 || len(in[0].dims) < 3 || len(in[1].dims) != len(in[0].dims) {
		return nil
	}
	a, x, w := attributes(n), in[0].dims, in[1].dims
	out := []float64{x[0], w[1] * float64(a.int("group", 1))}
	for i := range x[2:] {
		size := (x[i+2]-1)*a.element("strides", i, 1) + a.element("output_padding", i, 0) +
			(w[i+2]-1)*a.element("dilations", i, 1) + 1 - a.element("pads", i, 0) - a.element("pads", len(x)-2+i, 0)
		out = append(out, max(size, 0))
	}
	return like(in, out)
}

func pool(n *pb.NodeProto, in []*value) []*value {
	kernel := attributes(n).ints("kernel_shape")
	if len(in[0].dims) < 3 || len(kernel) != len(in[0].dims)-2 {
		return nil
	}
	return like(in, append(slices.Clone(in[0].dims[:2]), window(n, in[0].dims[2:], floats(kernel))...))
}

func globalPool(_ *pb.NodeProto, in []*value) []*value {
	if len(in[0].dims) < 2 {
		return nil
	}
	dims := slices.Repeat([]float64{1}, len(in[0].dims))
	copy(dims, in[0].dims[:2])
	return like(in, dims)
}

// axisOf counts an axis from the front. ok is false if it is outside.
func axisOf(axis int64, rank int) (i int, ok bool) {
	if axis < 0 {
		axis += int64(rank)
	}
	return int(axis), axis >= 0 && axis < int64(rank)
}

func concat(n *pb.NodeProto, in []*value) []*value {
	axis, ok := axisOf(attributes(n).int("axis", 0), len(in[0].dims))
	if !ok {
		return nil
	}
	dims, ints := slices.Clone(in[0].dims), []int64{}
	dims[axis] = 0
	for _, v := range in {
		if len(v.dims) != len(dims) {
			return nil
		}
		dims[axis] += v.dims[axis]
		if v.ints == nil || len(ints)+len(v.ints) > longestList {
			ints = nil
		} else if ints != nil {
			ints = append(ints, v.ints...)
		}
	}
	out := like(in, dims)
	out[0].ints = ints
	return out
}

func expand(n *pb.NodeProto, in []*value) []*value {
	if len(in) < 2 || in[1].ints == nil {
		return nil
	}
	return like(in, broadcast(n, []*value{{dims: in[0].dims}, {dims: floats(in[1].ints)}})[0].dims)
}

func tile(_ *pb.NodeProto, in []*value) []*value {
	if len(in) < 2 || len(in[1].ints) != len(in[0].dims) {
		return nil
	}
	dims := slices.Clone(in[0].dims)
	for i, by := range in[1].ints {
		dims[i] *= float64(by)
	}
	return like(in, dims)
}

func reshape(n *pb.NodeProto, in []*value) []*value {
	list := attributes(n).ints("shape") // of opset 1
	if len(in) > 1 {
		list = in[1].ints
	}
	if list == nil {
		return like(in, []float64{in[0].elements()})
	}
	dims, open, known := floats(list), -1, 1.0
	for i, d := range list {
		switch {
		case d == -1:
			open = i
			continue
		case d == 0 && i < len(in[0].dims):
			dims[i] = in[0].dims[i]
		}
		known *= dims[i]
	}
	if open >= 0 {
		dims[open] = math.Ceil(in[0].elements() / max(known, 1))
	}
	// A batch that is not known counts as 1, whatever a constant says.
	if out := like(in, dims); out != nil && out[0].elements() <= max(in[0].elements(), 1)*4 {
		out[0].ints = in[0].ints
		return out
	}
	return like(in, []float64{in[0].elements()})
}

func flatten(n *pb.NodeProto, in []*value) []*value {
	axis, ok := axisOf(attributes(n).int("axis", 1), len(in[0].dims))
	if !ok && axis != len(in[0].dims) {
		return nil
	}
	rows := (&value{dims: in[0].dims[:axis]}).elements()
	return like(in, []float64{rows, (&value{dims: in[0].dims[axis:]}).elements()})
}

// axesOf returns the axes that a node lists as an attribute or as its second input. known is false if it lists them
// in a value that is not known.
func axesOf(n *pb.NodeProto, in []*value) (axes []int64, known bool) {
	if len(in) > 1 && n.GetInput()[1] != "" {
		return in[1].ints, in[1].ints != nil
	}
	return attributes(n).ints("axes"), true
}

func squeeze(n *pb.NodeProto, in []*value) []*value {
	axes, known := axesOf(n, in)
	if !known {
		return nil
	}
	dims := []float64{}
	for i, d := range in[0].dims {
		listed := slices.ContainsFunc(axes, func(a int64) bool { j, _ := axisOf(a, len(in[0].dims)); return j == i })
		if !listed && !(len(axes) == 0 && d == 1) {
			dims = append(dims, d)
		}
	}
	out := like(in, dims)
	out[0].ints = in[0].ints
	return out
}

func unsqueeze(n *pb.NodeProto, in []*value) []*value {
	axes, known := axesOf(n, in)
	if !known || len(axes) > longestList {
		return nil
	}
	rank := len(in[0].dims) + len(axes)
	dims := slices.Repeat([]float64{-1}, rank)
	for _, a := range axes {
		i, ok := axisOf(a, rank)
		if !ok {
			return nil
		}
		dims[i] = 1
	}
	rest := in[0].dims
	for i := range dims {
		if dims[i] < 0 {
			if len(rest) == 0 {
				return nil
			}
			dims[i], rest = rest[0], rest[1:]
		}
	}
	out := like(in, dims)
	out[0].ints = in[0].ints
	return out
}

func transpose(n *pb.NodeProto, in []*value) []*value {
	perm := attributes(n).ints("perm")
	dims := slices.Clone(in[0].dims)
	slices.Reverse(dims)
	if len(perm) > 0 {
		if len(perm) != len(dims) {
			return nil
		}
		for i, p := range perm {
			j, ok := axisOf(p, len(dims))
			if !ok {
				return nil
			}
			dims[i] = in[0].dims[j]
		}
	}
	return like(in, dims)
}

// slice knows slices whose bounds are constants of an input or of attributes.
func slice(n *pb.NodeProto, in []*value) []*value {
	a := attributes(n)
	lists := [4][]int64{a.ints("starts"), a.ints("ends"), a.ints("axes"), nil}
	for i := range lists {
		if i+1 < len(in) && n.GetInput()[i+1] != "" {
			if lists[i] = in[i+1].ints; lists[i] == nil {
				return nil
			}
		}
	}
	starts, ends, axes, steps := lists[0], lists[1], lists[2], lists[3]
	if len(starts) != len(ends) || axes != nil && len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		return nil
	}
	dims, ints := slices.Clone(in[0].dims), in[0].ints
	for i := range starts {
		at, step := int64(i), int64(1)
		if axes != nil {
			at = axes[i]
		}
		if steps != nil {
			step = steps[i]
		}
		axis, ok := axisOf(at, len(dims))
		if !ok || step == 0 {
			return nil
		}
		size := int64(dims[axis])
		if step < 0 {
			ints = nil
			continue // at most the whole axis
		}
		first, end := Clamp(starts[i], size), Clamp(ends[i], size)
		dims[axis] = math.Ceil(float64(max(end-first, 0)) / float64(step))
		if ints != nil && len(dims) == 1 && step == 1 && end <= int64(len(ints)) {
			ints = ints[first:max(end, first)]
		} else {
			ints = nil
		}
	}
	out := like(in, dims)
	out[0].ints = ints
	return out
}

// Clamp returns an index of a slice, counted from the front and clamped to [0, size].
func Clamp(i, size int64) int64 {
	if i < 0 {
		i += size
	}
	return min(max(i, 0), size)
}

func split(n *pb.NodeProto, in []*value) []*value {
	axis, ok := axisOf(attributes(n).int("axis", 0), len(in[0].dims))
	if !ok {
		return nil
	}
	sizes := attributes(n).ints("split")
	if len(in) > 1 && in[1].dims != nil {
		sizes = in[1].ints
	}
	var out []*value
	for i := range n.GetOutput() {
		dims := slices.Clone(in[0].dims)
		dims[axis] = math.Ceil(dims[axis] / float64(len(n.GetOutput())))
		if i < len(sizes) {
			dims[axis] = float64(max(sizes[i], 0))
		}
		out = append(out, &value{kind: in[0].kind, dims: dims})
	}
	return out
}

func gather(n *pb.NodeProto, in []*value) []*value {
	axis, ok := axisOf(attributes(n).int("axis", 0), len(in[0].dims))
	if !ok || len(in) < 2 || in[1].dims == nil {
		return nil
	}
	out := like(in, slices.Concat(in[0].dims[:axis], in[1].dims, in[0].dims[axis+1:]))
	if x, indices := in[0].ints, in[1].ints; x != nil && indices != nil && len(in[0].dims) == 1 {
		list := []int64{}
		for _, i := range indices {
			j, ok := axisOf(i, len(x))
			if !ok {
				return out
			}
			list = append(list, x[j])
		}
		out[0].ints = list
	}
	return out
}

func secondShape(_ *pb.NodeProto, in []*value) []*value {
	if len(in) < 2 || in[1].dims == nil {
		return nil
	}
	return like(in, in[1].dims)
}

func pad(n *pb.NodeProto, in []*value) []*value {
	pads := attributes(n).ints("pads")
	if len(in) > 1 {
		pads = in[1].ints
	}
	rank := len(in[0].dims)
	if len(pads) != 2*rank {
		return nil
	}
	dims := slices.Clone(in[0].dims)
	for i := range dims {
		dims[i] = max(dims[i]+float64(pads[i])+float64(pads[rank+i]), 0)
	}
	return like(in, dims)
}

func resize(n *pb.NodeProto, in []*value) []*value {
	rank := len(in[0].dims)
	if len(in) > 3 && len(in[3].ints) == rank {
		return like(in, floats(in[3].ints))
	}
	var scales []float32
	if list := attributes(n).find("scales"); list != nil {
		scales = list.GetFloats()
	}
	for _, v := range in[1:] {
		if data, err := onnx.Data(v.tensor); v.tensor != nil && err == nil && v.kind == pb.TensorProto_FLOAT && len(data) == 4*rank {
			scales = numbers.Decode[float32](data)
		}
	}
	if len(scales) != rank {
		return nil
	}
	dims := slices.Clone(in[0].dims)
	for i, s := range scales {
		dims[i] = math.Floor(dims[i] * float64(s))
	}
	return like(in, dims)
}

func shapeOf(n *pb.NodeProto, in []*value) []*value {
	rank := int64(len(in[0].dims))
	start, end := Clamp(attributes(n).int("start", 0), rank), Clamp(attributes(n).int("end", rank), rank)
	dims := in[0].dims[start:max(start, end)]
	v := &value{kind: pb.TensorProto_INT64, dims: []float64{float64(len(dims))}}
	if len(dims) <= longestList {
		v.ints = []int64{}
		for _, d := range dims {
			v.ints = append(v.ints, int64(min(d, 1<<60)))
		}
	}
	return one(v)
}

func sizeOf(_ *pb.NodeProto, in []*value) []*value {
	v := scalar(pb.TensorProto_INT64)
	v.ints = []int64{int64(min(in[0].elements(), 1<<60))}
	return one(v)
}

func constantOfShape(n *pb.NodeProto, in []*value) []*value {
	if in[0].ints == nil {
		return nil
	}
	kind := pb.TensorProto_FLOAT
	if t := attributes(n).find("value").GetT(); t != nil {
		kind = pb.TensorProto_DataType(t.GetDataType())
	}
	out := like(in, floats(in[0].ints))
	if out != nil {
		out[0].kind = kind
	}
	return out
}

func rangeOf(_ *pb.NodeProto, in []*value) []*value {
	if len(in) < 3 || len(in[0].ints) != 1 || len(in[1].ints) != 1 || len(in[2].ints) != 1 || in[2].ints[0] == 0 {
		return nil
	}
	steps := math.Ceil((float64(in[1].ints[0]) - float64(in[0].ints[0])) / float64(in[2].ints[0]))
	return like(in, []float64{max(steps, 0)})
}

func oneHot(_ *pb.NodeProto, in []*value) []*value {
	if len(in) < 3 || len(in[1].ints) != 1 {
		return nil
	}
	return one(&value{kind: in[2].kind, dims: append(slices.Clone(in[0].dims), float64(max(in[1].ints[0], 0)))})
}

func constantNode(n *pb.NodeProto, _ []*value) []*value {
	for _, a := range n.GetAttribute() {
		switch a.GetName() {
		case "value":
			if a.GetT() != nil {
				return one(tensorValue(a.GetT()))
			}
		case "value_int":
			return one(listValue([]int64{a.GetI()}, []int64{}))
		case "value_ints":
			return one(listValue(a.GetInts(), []int64{int64(len(a.GetInts()))}))
		case "value_float":
			return one(scalar(pb.TensorProto_FLOAT))
		case "value_floats":
			return one(&value{kind: pb.TensorProto_FLOAT, dims: []float64{float64(len(a.GetFloats()))}})
		}
	}
	return nil
}

func listValue(list, dims []int64) *value {
	kind := int32(pb.TensorProto_INT64)
	return tensorValue(&pb.TensorProto{DataType: &kind, Dims: dims, Int64Data: list})
}

func depthToSpace(n *pb.NodeProto, in []*value) []*value {
	b := float64(attributes(n).int("blocksize", 1))
	if len(in[0].dims) != 4 || b < 1 {
		return nil
	}
	x := in[0].dims
	return like(in, []float64{x[0], math.Ceil(x[1] / (b * b)), x[2] * b, x[3] * b})
}

func einsum(n *pb.NodeProto, in []*value) []*value {
	equation := strings.ReplaceAll(string(attributes(n).find("equation").GetS()), " ", "")
	left, right, explicit := strings.Cut(equation, "->")
	terms := strings.Split(left, ",")
	if !explicit || strings.Contains(equation, ".") || len(terms) != len(in) {
		return nil
	}
	sizes := map[rune]float64{}
	for i, term := range terms {
		if len(in[i].dims) != len(term) {
			return nil
		}
		for j, letter := range term {
			sizes[letter] = max(sizes[letter], in[i].dims[j])
		}
	}
	dims := []float64{}
	for _, letter := range right {
		dims = append(dims, sizes[letter])
	}
	return like(in, dims)
}

func reduce(n *pb.NodeProto, in []*value) []*value {
	axes, known := axesOf(n, in)
	a := attributes(n)
	if strings.HasPrefix(n.GetOpType(), "Arg") {
		axes, known = []int64{a.int("axis", 0)}, true
	}
	if !known {
		return nil
	}
	dims := []float64{}
	for i, d := range in[0].dims {
		listed := slices.ContainsFunc(axes, func(x int64) bool { j, _ := axisOf(x, len(in[0].dims)); return j == i })
		switch {
		case !listed && (len(axes) > 0 || a.int("noop_with_empty_axes", 0) != 0):
			dims = append(dims, d)
		case a.int("keepdims", 1) != 0:
			dims = append(dims, 1)
		}
	}
	out := like(in, dims)
	if out != nil && strings.HasPrefix(n.GetOpType(), "Arg") {
		out[0].kind = pb.TensorProto_INT64
	}
	return out
}
