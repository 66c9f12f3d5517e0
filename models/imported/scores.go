package imported

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"

	"fovea/graphs/importer"
	"fovea/graphs/transfer"
	"fovea/internal/numbers"
	"fovea/onnx"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// MakesLogits reports whether a value is what a layer of a model makes, with nothing behind it. It runs nothing.
func MakesLogits(m *pb.ModelProto, output string) bool {
	m, err := importer.Inline(m)
	return err == nil && transfer.FindEnding(m, output).IsLayer()
}

// ReadScores finds out what a value of a classifier of images of a size is, such as an output, from the function that
// the nodes in front of it compute.
func ReadScores(ctx context.Context, m *pb.ModelProto, output string, size int64) (transfer.Scores, error) {
	m, err := importer.Inline(m)
	if err != nil {
		return transfer.Scores{}, err
	}
	e := transfer.FindEnding(m, output)
	if e.IsLayer() {
		return transfer.Scores{Kind: transfer.LogitScores, Logits: output}, nil
	}
	var seen importer.Trace
	for _, batch := range []int64{traced, 1} { // some allow one image alone, and do not say so
		if seen, err = observe(ctx, e.Before(), batch, size); err == nil {
			break
		}
	}
	if err != nil {
		return transfer.Scores{}, err
	}
	return scoresOf(ctx, e, seen, seen[m.Graph.Input[0].GetName()].GetDims()[0])
}

// Scores finds out what an output of the model is. The name of its logits is one of Import and of Verbatim.
func (f *File) Scores(ctx context.Context, output string) (transfer.Scores, error) {
	e := transfer.FindEnding(f.source.Model(), output)
	if e.IsLayer() {
		return transfer.Scores{Kind: transfer.LogitScores, Logits: output}, nil
	}
	seen, inputs := maps.Clone(f.trace), f.source.Observed().GetGraph().GetInput()
	for _, in := range inputs {
		seen[in.GetName()] = emptyTensor(in)
	}
	return scoresOf(ctx, e, seen, seen[inputs[0].GetName()].GetDims()[0])
}

// emptyTensor returns a tensor without data of the type and shape of an input.
func emptyTensor(in *pb.ValueInfoProto) *pb.TensorProto {
	t := in.GetType().GetTensorType()
	out := &pb.TensorProto{Name: in.Name, DataType: t.ElemType}
	for _, d := range t.GetShape().GetDim() {
		out.Dims = append(out.Dims, d.GetDimValue())
	}
	return out
}

// observe runs a model once on random images and returns its inputs and outputs. It binds the symbolic dimensions.
func observe(ctx context.Context, m *pb.ModelProto, batch, size int64) (importer.Trace, error) {
	seen := importer.Trace{}
	for i, in := range m.Graph.Input {
		t := emptyTensor(in)
		if len(t.Dims) != 4 {
			return nil, fmt.Errorf("input %q is no tensor of images", in.GetName())
		}
		for k, n := range []int64{batch, 3, size, size} {
			if t.Dims[k] <= 0 {
				t.Dims[k] = n
			}
		}
		m.Graph.Input[i] = onnx.NewValueInfo(in.GetName(), pb.TensorProto_DataType(t.GetDataType()), t.Dims)
		seen[in.GetName()] = t
	}
	if len(m.Graph.Output) == 0 { // the ending is the whole model
		return seen, nil
	}
	got, err := trace(ctx, m)
	maps.Copy(seen, got)
	return seen, err
}

// runsEach is the number of runs of an ending for each of the spreads.
const runsEach = 8

// spreads of the random values that go through an ending. Larger ones overflow an exponential in half precision.
var spreads = []float64{0.5, 2, 6}

// scoresOf runs an ending on random values of the types and shapes that were seen.
func scoresOf(ctx context.Context, e *transfer.Ending, seen importer.Trace, batch int64) (s transfer.Scores, err error) {
	for _, name := range e.Inputs {
		if len(seen[name].GetDims()) == 0 {
			return s, fmt.Errorf("the value %q, with which its last nodes begin, has no row for each image", name)
		}
	}
	session, inputs, err := openBound(ctx, e.Model(seen), ort.Disable)
	if err != nil {
		return s, err
	}
	defer session.Close()
	r := transfer.Runs{Values: map[string][]float64{}}
	keep := func(name string, kind pb.TensorProto_DataType, data []byte) {
		values := decode(kind, data)
		if r.Values[name] == nil && values != nil {
			r.Order = append(r.Order, name)
		}
		r.Values[name] = append(r.Values[name], values...)
	}
	rng := rand.New(rand.NewPCG(0, 0))
	for i := range runsEach * len(spreads) {
		for _, name := range e.Inputs {
			t := inputs[name]
			if err := draw(t, seen[name], spreads[i/runsEach], rng); err != nil {
				return s, fmt.Errorf("the value %q, with which its last nodes begin, %w", name, err)
			}
			keep(name, t.Type(), t.Bytes())
		}
		r.Rows += int(batch)
		err := session.Evaluate(func(info ort.Info, data []byte) error {
			keep(info.Name, info.Type, data)
			return nil
		})
		if err != nil {
			return s, err
		}
	}
	if r.Values[e.Output] == nil {
		return s, fmt.Errorf("%q is no tensor of floating-point numbers", e.Output)
	}
	return e.Read(&r)
}

// draw fills a tensor with random values. A channel has a level of its own in each image, whether the channels stand
// second or last, so that means over positions differ. Integers get the magnitude that was seen, bytes any value.
func draw(t *ort.Tensor, seen *pb.TensorProto, spread float64, rng *rand.Rand) error {
	shape, data := t.Shape(), t.Bytes()
	n, err := onnx.NumElements(shape)
	if err != nil {
		return err
	}
	inner, last := n, shape[len(shape)-1]
	for _, d := range shape[:min(2, len(shape))] {
		inner /= max(1, d)
	}
	second := make([]float64, n/max(1, inner))
	lasts := make([]float64, shape[0]*last)
	for _, levels := range [][]float64{second, lasts} {
		for i := range levels {
			levels[i] = rng.NormFloat64()
		}
	}
	for i := range n {
		x := second[i/inner]
		if inner > 1 {
			x = 0.7*x + 0.7*lasts[i/(n/shape[0])*last+i%last] + 0.2*rng.NormFloat64()
		}
		x *= spread
		switch t.Type() {
		case pb.TensorProto_FLOAT:
			numbers.View[float32](data)[i] = float32(x)
		case pb.TensorProto_DOUBLE:
			numbers.View[float64](data)[i] = x
		case pb.TensorProto_FLOAT16:
			numbers.View[uint16](data)[i] = numbers.ToFloat16(x)
		case pb.TensorProto_BFLOAT16:
			numbers.View[uint16](data)[i] = numbers.ToBFloat16(float32(x))
		case pb.TensorProto_INT32:
			numbers.View[int32](data)[i] = int32(x * magnitude(seen))
		case pb.TensorProto_UINT8, pb.TensorProto_INT8:
			data[i] = byte(rng.Uint32())
		default:
			return fmt.Errorf("is %s", onnx.TypeName(t.Type()))
		}
	}
	return nil
}

// magnitude returns the largest of the int32 numbers of a tensor, at least 1.
func magnitude(t *pb.TensorProto) float64 {
	most := 1.0
	for _, x := range numbers.View[int32](t.GetRawData()) {
		most = max(most, math.Abs(float64(x)))
	}
	return most
}

// decode returns floating-point numbers, and nil of another type.
func decode(kind pb.TensorProto_DataType, data []byte) (out []float64) {
	switch kind {
	case pb.TensorProto_FLOAT:
		for _, x := range numbers.View[float32](data) {
			out = append(out, float64(x))
		}
	case pb.TensorProto_DOUBLE:
		out = append(out, numbers.View[float64](data)...)
	case pb.TensorProto_FLOAT16:
		for _, x := range numbers.View[uint16](data) {
			out = append(out, float64(numbers.FromFloat16(x)))
		}
	case pb.TensorProto_BFLOAT16:
		for _, x := range numbers.View[uint16](data) {
			out = append(out, float64(numbers.FromBFloat16(x)))
		}
	}
	return out
}
