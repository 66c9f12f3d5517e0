package imported

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/graphs/importer"
	"fovea/onnx"
	"fovea/onnx/ort"
)

// Differentiate returns the vector-Jacobian product of a model as a graph. Its inputs are the model's and, for each
// float output, NAME.cotangent of that output's shape. Its outputs are NAME.grad for each name in wrt: the derivative
// of Σ output·cotangent with respect to that input or initializer. An empty wrt means every float input. Constants and
// initializers stay inside.
func (f *File) Differentiate(wrt ...string) (*graphs.Graph, error) {
	m, err := f.Import(importer.Options{Keep: wrt})
	if err != nil {
		return nil, err
	}
	g := m.Graph
	if len(wrt) == 0 {
		for _, v := range floats(g.Inputs) {
			wrt = append(wrt, v.Name)
		}
		if len(wrt) == 0 {
			return nil, fmt.Errorf("the model has no float32 input: name initializers with -wrt")
		}
	}
	var values []*graphs.Value
	for i, name := range wrt {
		v := m.Values[name]
		switch {
		case v == nil || v.Producer() != nil:
			return nil, fmt.Errorf("-wrt %s: the model has no such input or initializer", name)
		case v.Type != graphs.Float32:
			return nil, fmt.Errorf("-wrt %s: it is %s; only float32 has a gradient", name, onnx.TypeName(v.Type))
		case slices.Contains(wrt[:i], name):
			return nil, fmt.Errorf("-wrt %s: named twice", name)
		}
		values = append(values, v)
	}
	cotangents := AddCotangents(g)
	g.Outputs = nil
	gradients, err := autodiff.Backward(g, cotangents, values)
	if err != nil {
		return nil, err
	}
	for i, name := range wrt {
		if gradients[i] == nil {
			return nil, fmt.Errorf("-wrt %s: no float output depends on it", name)
		}
		g.Output(name+".grad", gradients[i])
	}
	g.RemoveDead()
	g.Fold()
	return g, g.Err()
}

// AddCotangents adds an input NAME.cotangent to g for each of its float32 outputs. It returns them by output.
func AddCotangents(g *graphs.Graph) map[*graphs.Value]*graphs.Value {
	cotangents := map[*graphs.Value]*graphs.Value{}
	for _, y := range floats(g.Outputs) {
		cotangents[y] = g.Input(y.Name+".cotangent", y.Type, y.Shape...)
	}
	return cotangents
}

// mostChecked is the number of nodes up to which Save opens a model. In time that grows with the square of the number of
// results that live long, ONNX Runtime before 1.32 sorts the nodes anew for each of its passes: 24,000 take minutes.
const mostChecked = 10_000

// Save writes a graph as a model file. It returns an error if ONNX Runtime does not accept the model, and warns where it
// did not ask because the model has more than 10,000 nodes. When ctx is done it returns the cause and writes nothing.
func Save(ctx context.Context, path string, g *graphs.Graph) error {
	model, err := g.Model()
	if err != nil {
		return err
	}
	if err := onnx.Check(model); err != nil {
		return err
	}
	if n := len(model.GetGraph().GetNode()); n > mostChecked {
		slog.Warn("ONNX Runtime was not asked whether it accepts the model, as that takes long above "+
			strconv.Itoa(mostChecked)+" nodes", "file", path, "nodes", n)
	} else if bytes, err := onnx.Marshal(model); err == nil { // otherwise it is too large for one file
		session, err := ort.NewSession(bytes, ort.Options{Optimization: ort.Disable, Context: ctx})
		if err != nil {
			return fmt.Errorf("%s is not written: %w", path, err)
		}
		session.Close()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return onnx.Save(path, model, onnx.SaveOptions{})
}
