package imported

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/internal/numbers"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// A point gives values by name, as elements in the machine's byte order. Values that it lacks are zero.
type point map[string][]byte

// A runner runs a graph at points along a line.
type runner struct {
	*ort.Session
	inputs map[string]*ort.Tensor
}

func newRunner(ctx context.Context, g *graphs.Graph, level ort.Level) (*runner, error) {
	model, err := g.Marshal()
	if err != nil {
		return nil, err
	}
	session, inputs, err := ort.NewBoundSession(model, ort.Options{Optimization: level, Context: ctx})
	if err != nil {
		return nil, err
	}
	return &runner{session, inputs}, nil
}

// run computes the float32 outputs at the point at + t·along.
func (r *runner) run(at point, along map[string][]float32, t float64, visit func(name string, y []float32)) error {
	for name, tensor := range r.inputs {
		copy(tensor.Bytes(), at[name])
		for i, d := range along[name] {
			tensor.Float32()[i] += float32(t * float64(d))
		}
	}
	return r.Evaluate(func(info ort.Info, data []byte) error {
		if info.Type == pb.TensorProto_FLOAT {
			visit(info.Name, numbers.Decode[float32](data))
		}
		return nil
	})
}

func runOnce(ctx context.Context, g *graphs.Graph, at point, visit func(name string, y []float32)) error {
	return runAt(ctx, g, ort.Basic, at, visit)
}

func runAt(ctx context.Context, g *graphs.Graph, level ort.Level, at point,
	visit func(name string, y []float32)) error {
	r, err := newRunner(ctx, g, level)
	if err != nil {
		return err
	}
	defer r.Close()
	return r.run(at, nil, 0, visit)
}

// intermediate computes every value of a graph at a point.
func intermediate(ctx context.Context, g *graphs.Graph, at point) (point, error) {
	model, err := g.Model()
	if err != nil {
		return nil, err
	}
	model.Graph.Output = nil
	for _, n := range model.Graph.Node {
		for _, name := range n.GetOutput() {
			if name != "" {
				model.Graph.Output = append(model.Graph.Output, &pb.ValueInfoProto{Name: proto.String(name)})
			}
		}
	}
	out := point{}
	for name, data := range at {
		out[name] = data
	}
	err = evaluate(ctx, model, func(in ort.Info, t *ort.Tensor) { copy(t.Bytes(), at[in.Name]) },
		func(info ort.Info, data []byte) { out[info.Name] = slices.Clone(data) })
	return out, err
}
