package inspect

import (
	"errors"
	"fmt"
	"slices"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/graphs/cost"
	"fovea/graphs/importer"
	"fovea/models/imported"
	"fovea/onnx"
)

// Measured is what one run of a model told, at a batch size.
type Measured struct {
	Batch        int64          `json:"batch"`
	Inputs       []Value        `json:"inputs"`
	Outputs      []Value        `json:"outputs"`
	Nodes        int            `json:"nodes"` // that do not only work on shapes and constants
	MultiplyAdds int64          `json:"multiply_adds"`
	FLOPs        int64          `json:"flops"`                 // 2·MultiplyAdds
	Uncounted    map[string]int `json:"uncounted,omitempty"`   // nodes by operator whose multiply-adds are not known
	ValuesSum    int64          `json:"values_sum_bytes"`      // of all values of forward, without parameters
	ValuesPeak   int64          `json:"values_peak_bytes"`     // that live at once
	PeakAt       string         `json:"values_peak_at"`        // node
	Trainable    Tally          `json:"trainable"`             // parameters that a gradient reaches
	Kept         int64          `json:"kept_bytes"`            // of values that backward reads
	NoGradient   string         `json:"no_gradient,omitempty"` // why there is none
	Classifier   *Classifier    `json:"classifier,omitempty"`
	NoClassifier string         `json:"no_classifier,omitempty"` // why not
}

// Measure runs a model once and differentiates it. A model for which that is not
// possible gets the reason as r.Model.Unmeasured; r.Model must be there.
func (r *Report) Measure(s importer.Sizes) {
	if err := r.measure(s); err != nil {
		r.Model.Unmeasured = err.Error()
	}
}

func (r *Report) measure(s importer.Sizes) error {
	file, err := imported.Open(r.Path, s)
	if err != nil {
		return err
	}
	defer file.Close()
	model, err := file.Import(importer.Options{Inputs: true})
	if err != nil {
		return err
	}
	g := model.Graph
	given := map[string]bool{} // inputs of the model itself
	for _, v := range r.Model.Inputs {
		given[v.Name] = true
	}
	parameter := func(v *graphs.Value) bool { return v.Producer() == nil && !given[v.Name] }
	m := &Measured{Batch: s.Batch, Nodes: len(g.Nodes), Uncounted: map[string]int{}}
	var inputs, parameters []*graphs.Value
	elements := map[string]int64{}
	for _, v := range g.Inputs {
		if !parameter(v) {
			inputs = append(inputs, v)
			m.Inputs = append(m.Inputs, valueOf(v))
			continue
		}
		parameters = append(parameters, v)
		elements[v.Name] = v.Len()
	}
	for _, v := range g.Outputs {
		m.Outputs = append(m.Outputs, valueOf(v))
	}
	nodes := listGraph(g, elements, r.scopes)
	for i, n := range g.Nodes {
		count, known := cost.MultiplyAdds(n)
		if !known {
			m.Uncounted[n.Op]++
		}
		nodes[i].MultiplyAdds = count
		m.MultiplyAdds += count
		if k := slices.IndexFunc(r.Model.Operators, func(o Operator) bool { return o.Op == n.Op && o.Domain == n.Domain }); k >= 0 {
			r.Model.Operators[k].MultiplyAdds += count
		}
	}
	m.FLOPs = 2 * m.MultiplyAdds
	memory := cost.Forward(g, parameter)
	m.ValuesSum, m.ValuesPeak = memory.Sum, memory.Peak
	if memory.AtPeak != nil {
		m.PeakAt = nameOf(memory.AtPeak)
	}
	r.Model.List, r.Model.Measured = nodes, m
	if err := m.differentiate(g, inputs, parameters, parameter); err != nil {
		m.NoGradient = err.Error()
	}
	if m.Classifier, err = findClassifier(r.Path, m.Inputs); err != nil {
		m.NoClassifier = err.Error()
	}
	return nil
}

// differentiate adds the gradients of all float outputs by all parameters to g.
func (m *Measured) differentiate(g *graphs.Graph, inputs, parameters []*graphs.Value, parameter func(*graphs.Value) bool) error {
	if len(parameters) == 0 {
		return errors.New("the model has no parameters")
	}
	forward, outputs := slices.Clone(g.Nodes), g.Outputs
	cotangents := map[*graphs.Value]*graphs.Value{}
	for _, y := range outputs {
		if y.Type == graphs.Float32 {
			cotangents[y] = g.Input(y.Name+".cotangent", y.Type, y.Shape...)
		}
	}
	wrt := slices.DeleteFunc(slices.Clone(parameters), func(v *graphs.Value) bool { return v.Type != graphs.Float32 })
	gradients, err := autodiff.Backward(g, cotangents, wrt)
	if err != nil {
		return err
	}
	g.Outputs = nil
	for i, v := range gradients {
		if v != nil {
			m.Trainable.add(wrt[i].Len(), 4*wrt[i].Len())
			g.Output(wrt[i].Name+".grad", v)
		}
	}
	if len(g.Outputs) == 0 {
		return errors.New("no float32 output depends on a parameter")
	}
	g.RemoveDead()
	g.Fold()
	m.Kept = cost.Kept(g, forward, inputs, parameter)
	return g.Err()
}

func valueOf(v *graphs.Value) Value {
	return Value{Name: v.Name, Type: onnx.TypeName(v.Type), Shape: sizes(v.Shape)}
}

// nameOf is what a node can be found by.
func nameOf(n *graphs.Node) string {
	if n.Name != "" {
		return fmt.Sprintf("%s (%s)", n.Name, n.Op)
	}
	return n.Op
}
