package imported

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"fovea/graphs"
	"fovea/graphs/importer"
	"fovea/internal/numbers"
	"fovea/onnx"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// A File is a model file, traced and ready to be imported.
type File struct {
	source *importer.Source
	trace  importer.Trace
	model  *onnx.Model
}

// Open reads a model file, binds its symbolic dimensions and runs it once, on
// random inputs, to learn the shapes of its values.
func Open(path string, sizes importer.Sizes) (*File, error) {
	model, err := onnx.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := read(model.Proto, sizes)
	if err != nil {
		model.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f.model = model
	return f, nil
}

// read is Open of a model that the caller keeps open.
func read(m *pb.ModelProto, sizes importer.Sizes) (f *File, err error) {
	f = &File{}
	f.source, err = importer.Read(m, sizes)
	for again := true; again && err == nil; {
		if f.trace, err = trace(f.source.Observed()); err == nil {
			again, err = f.source.Decide(f.trace)
		}
	}
	return f, err
}

// Close ends the use of the file and of all graphs imported from it.
func (f *File) Close() error { return f.model.Close() }

// Import makes a graph of the model.
func (f *File) Import(o importer.Options) (*importer.Model, error) {
	return f.source.Import(f.trace, o)
}

// kept is the size in bytes up to which a trace keeps the content of a value.
// Shapes, axes, masks and tables of positions are below it.
const kept = 1 << 20

// trace runs a model with inputs of known shapes and tells of each output what
// came out.
func trace(model *pb.ModelProto) (importer.Trace, error) {
	out := importer.Trace{}
	err := evaluate(model, func(in ort.Info, data *ort.Tensor) {
		if in.Type == pb.TensorProto_FLOAT {
			copy(data.Float32(), traceInput(len(data.Float32())))
		} // others stay zero, which is valid for indices too
	}, func(info ort.Info, data []byte) {
		kind := int32(info.Type)
		t := &pb.TensorProto{Name: &info.Name, DataType: &kind, Dims: info.Shape}
		if data != nil && len(data) <= kept {
			t.RawData = append([]byte{}, data...)
		}
		out[info.Name] = t
	})
	return out, err
}

// evaluate runs a model once on the CPU, as it is written.
func evaluate(model *pb.ModelProto, input func(ort.Info, *ort.Tensor), output func(ort.Info, []byte)) error {
	bytes, err := onnx.Marshal(model)
	if err != nil {
		return err
	}
	// With the arena its memory goes back to the system when the session ends: the C library would keep it.
	session, tensors, err := ort.NewBoundSession(bytes, ort.Options{Optimization: ort.Disable, Arena: true})
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

// traceInput is what a float32 input of n elements is in the traced run.
func traceInput(n int) []float32 { return normal(rand.New(rand.NewPCG(0, 0)), n, 1) }

// point gives a graph's inputs values: parameters have theirs, other float32
// inputs are drawn.
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

// verified is the graph of the model with its parameters as inputs, if it
// computes what the model does.
func (f *File) verified() (*graphs.Graph, error) {
	m, err := f.Import(importer.Options{Inputs: true})
	if err != nil {
		return nil, err
	}
	return m.Graph, f.verify(m.Graph)
}

// verify compares the outputs of an imported graph with those that the model
// itself gave in the traced run: the import must not change what is computed.
func (f *File) verify(g *graphs.Graph) error {
	var wrong error
	err := runOnce(g, f.point(g, traceInput), func(name string, got []float32) {
		if off := apart(got, numbers.Decode[float32](f.trace[name].GetRawData())); !(off <= 1e-4) {
			wrong = fmt.Errorf("output %q of the imported graph is not the model's: %.1e of the largest entry off", name, off)
		}
	})
	return errors.Join(err, wrong)
}

// apart is the largest difference between two lists, relative to the largest entry of
// the second, whose NaNs are left out: zeros as integer inputs may lead to them.
func apart(got, want []float32) float64 {
	largest, off := 0.0, 0.0
	for i, w := range want {
		if w == w {
			largest = max(largest, math.Abs(float64(w)))
			off = max(off, math.Abs(float64(got[i]-w)))
		}
	}
	if off == 0 {
		return 0
	}
	return off / largest
}

func normal(rng *rand.Rand, n int, scale float64) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(scale * rng.NormFloat64())
	}
	return out
}
