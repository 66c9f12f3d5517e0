package imported

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"

	"fovea/graphs"
	"fovea/graphs/importer"
	"fovea/internal/numbers"
	"fovea/onnx"
	"fovea/onnx/limits"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// A File is a model file, traced and ready to be imported.
type File struct {
	source *importer.Source
	trace  importer.Trace
	model  *onnx.Model
}

// Open reads a model file, binds its symbolic dimensions and runs it once on random inputs to learn the shapes of its
// values. When ctx is done, that run ends with the cause.
func Open(ctx context.Context, path string, sizes importer.Sizes) (*File, error) {
	model, err := onnx.Open(path)
	if err != nil {
		return nil, err
	}
	return OpenModel(ctx, model, path, sizes)
}

// OpenModel does the same for an open model, which the file closes, also after an error. path is for messages.
func OpenModel(ctx context.Context, model *onnx.Model, path string, sizes importer.Sizes) (*File, error) {
	f, err := read(ctx, model.Proto, sizes)
	if err != nil {
		model.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f.model = model
	return f, nil
}

// read does the same for a model that the caller keeps open.
func read(ctx context.Context, m *pb.ModelProto, sizes importer.Sizes) (f *File, err error) {
	f = &File{}
	ort.WarnOfFaults(m)
	f.source, err = importer.Read(m, sizes)
	for again := true; again && err == nil; {
		if f.trace, err = trace(ctx, f.source.Observed()); err == nil {
			again, err = f.source.Decide(f.trace)
		}
	}
	return f, err
}

// Close closes the file. Graphs imported from it must not be used any more.
func (f *File) Close() error { return f.model.Close() }

// Import returns a graph of the model.
func (f *File) Import(o importer.Options) (*importer.Model, error) {
	return f.source.Import(f.trace, o)
}

// largestKept is the size in bytes up to which a trace keeps the data of a value. Shapes, axes, masks and tables of
// positions are smaller.
const largestKept = 1 << 20

// trace runs a model with inputs of known shapes and returns its outputs.
func trace(ctx context.Context, model *pb.ModelProto) (importer.Trace, error) {
	out := importer.Trace{}
	err := evaluate(ctx, model, func(in ort.Info, data *ort.Tensor) {
		if in.Type == pb.TensorProto_FLOAT {
			copy(data.Float32(), traceInput(len(data.Float32())))
		} // other inputs stay zero, which is also a valid index
	}, func(info ort.Info, data []byte) {
		kind := int32(info.Type)
		t := &pb.TensorProto{Name: &info.Name, DataType: &kind, Dims: info.Shape}
		if data != nil && len(data) <= largestKept {
			t.RawData = append([]byte{}, data...)
		}
		out[info.Name] = t
	})
	return out, err
}

// evaluate runs a model once on the CPU, without optimisation.
func evaluate(ctx context.Context, model *pb.ModelProto, input func(ort.Info, *ort.Tensor),
	output func(ort.Info, []byte)) error {
	return evaluateAt(ctx, model, ort.Disable, input, output)
}

func evaluateAt(ctx context.Context, model *pb.ModelProto, level ort.Level, input func(ort.Info, *ort.Tensor),
	output func(ort.Info, []byte)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	session, tensors, err := openBound(ctx, model, level)
	if err != nil {
		return err
	}
	defer session.Close()
	for _, in := range session.Inputs() {
		input(in, tensors[in.Name])
	}
	return session.Evaluate(func(info ort.Info, data []byte) error {
		output(info, data)
		return nil
	})
}

// openBound makes a session of a model that somebody else wrote, or of a part of one. It refuses what the runtime would
// not survive, see [limits.Check].
func openBound(ctx context.Context, model *pb.ModelProto, level ort.Level) (*ort.Session, map[string]*ort.Tensor,
	error) {
	model, err := limits.Prepare(model, nil)
	if err != nil {
		return nil, nil, err
	}
	bytes, err := onnx.Marshal(model)
	if err != nil {
		return nil, nil, err
	}
	// The arena returns its memory to the system when the session ends. The C library would keep it.
	return ort.NewBoundSession(bytes, ort.Options{Optimization: level, Arena: true, Context: ctx,
		Longest: limits.Longest(model)})
}

// traceInput returns the float32 input of n elements in the traced run.
func traceInput(n int) []float32 { return normal(rand.New(rand.NewPCG(0, 0)), n, 1) }

// point returns values for a graph's inputs. Parameters have theirs, other float32 inputs are drawn.
func (f *File) point(g *graphs.Graph, draw func(n int) []float32) point {
	p := point{}
	for _, v := range floats(g.Inputs) {
		if data, ok := f.source.Initializer(v.Name); ok {
			p[v.Name] = data
		} else {
			p[v.Name] = numbers.Bytes(draw(int(v.Len())))
		}
	}
	return p
}

// verified returns the graph of the model with its parameters as inputs. It returns an error unless the graph computes
// what the model does.
func (f *File) verified(ctx context.Context) (*graphs.Graph, error) {
	m, err := f.Import(importer.Options{Inputs: true})
	if err != nil {
		return nil, err
	}
	return m.Graph, f.verify(ctx, m.Graph)
}

// verify compares the outputs of an imported graph with those of the model in the traced run. Where they differ, they
// may do so by as much as rounding moves the model's own.
func (f *File) verify(ctx context.Context, g *graphs.Graph) error {
	off := map[string]float64{}
	err := runAt(ctx, g, ort.Disable, f.point(g, traceInput), func(name string, got []float32) {
		off[name] = relativeDifference(got, numbers.Decode[float32](f.trace[name].GetRawData()))
	})
	const always, parts = 1e-4, 4
	maps.DeleteFunc(off, func(_ string, difference float64) bool { return difference <= always })
	if err != nil || len(off) == 0 {
		return err
	}
	own, err := f.rounding(ctx)
	for name, difference := range off {
		if !(difference <= parts*own[name]) {
			err = errors.Join(err, fmt.Errorf("output %q of the imported graph is not the model's: "+
				"%.1e of the largest entry off; rounding moves the model's own by %.1e", name, difference, own[name]))
		}
	}
	return err
}

// rounding returns by how much the outputs of the model differ between the runtime's optimisation levels, and when the
// last bits of its inputs change.
func (f *File) rounding(ctx context.Context) (map[string]float64, error) {
	m := f.source.Observed()
	m.Graph.Output = nil
	for _, v := range f.source.Model().GetGraph().GetOutput() {
		m.Graph.Output = append(m.Graph.Output, &pb.ValueInfoProto{Name: v.Name})
	}
	own := map[string]float64{}
	rng := rand.New(rand.NewPCG(1, 0))
	for _, level := range []ort.Level{ort.Disable, ort.Basic, ort.Extended, ort.All} {
		err := evaluateAt(ctx, m, level, func(in ort.Info, data *ort.Tensor) {
			if in.Type != pb.TensorProto_FLOAT {
				return
			}
			copy(data.Float32(), traceInput(len(data.Float32())))
			for i, x := range data.Float32() {
				if level == ort.Disable {
					data.Float32()[i] += x * lastBit * float32(rng.IntN(3)-1)
				}
			}
		}, func(info ort.Info, data []byte) {
			if info.Type == pb.TensorProto_FLOAT {
				traced := numbers.Decode[float32](f.trace[info.Name].GetRawData())
				own[info.Name] = max(own[info.Name], relativeDifference(numbers.Decode[float32](data), traced))
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return own, nil
}

// relativeDifference returns the largest difference between two lists, relative to the largest entry of the second. It
// skips the NaNs of the second, to which zeros as integer inputs may lead.
func relativeDifference(got, want []float32) float64 {
	largest, difference := 0.0, 0.0
	for i, w := range want {
		if w == w {
			largest = max(largest, math.Abs(float64(w)))
			difference = max(difference, math.Abs(float64(got[i]-w)))
		}
	}
	if difference == 0 {
		return 0
	}
	return difference / largest
}

func normal(rng *rand.Rand, n int, scale float64) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(scale * rng.NormFloat64())
	}
	return out
}
