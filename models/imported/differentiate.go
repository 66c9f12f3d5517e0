package imported

import (
	"fmt"
	"slices"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/graphs/importer"
	"fovea/onnx"
	"fovea/onnx/ort"
)

// Differentiate makes the vector-Jacobian product of a model as a graph: its
// inputs are the model's and, for each float output, NAME.cotangent of that
// output's shape; its outputs are NAME.grad = Σ output·cotangent differentiated
// with respect to NAME, for each name in wrt, an input or initializer. No wrt
// means every float input. Constants and initializers stay inside.
func (f *File) Differentiate(wrt ...string) (*graphs.Graph, error) {
	m, err := f.Import(importer.Options{Keep: wrt})
	if err != nil {
		return nil, err
	}
	g := m.Graph
	if len(wrt) == 0 {
		for _, v := range g.Inputs {
			if v.Type == graphs.Float32 {
				wrt = append(wrt, v.Name)
			}
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
	outputs := g.Outputs
	g.Outputs = nil
	cotangents := map[*graphs.Value]*graphs.Value{}
	for _, y := range outputs {
		if y.Type == graphs.Float32 {
			cotangents[y] = g.Input(y.Name+".cotangent", y.Type, y.Shape...)
		}
	}
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

// Save writes a graph as a model file, if ONNX Runtime accepts it.
func Save(path string, g *graphs.Graph) error {
	model, err := g.Model()
	if err != nil {
		return err
	}
	if err := onnx.Check(model); err != nil {
		return err
	}
	if bytes, err := onnx.Marshal(model); err == nil { // else it is too big for one file
		session, err := ort.NewSession(bytes, ort.Options{})
		if err != nil {
			return fmt.Errorf("%s is not written: %w", path, err)
		}
		session.Close()
	}
	return onnx.Save(path, model, onnx.SaveOptions{})
}
