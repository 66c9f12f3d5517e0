package inspect

import (
	"context"
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

// Measured holds the results of one run of a model, at a batch size.
type Measured struct {
	Batch        int64          `json:"batch"`
	Inputs       []Value        `json:"inputs"`
	Outputs      []Value        `json:"outputs"`
	Nodes        int            `json:"nodes"` // without those that only work on shapes and constants
	MultiplyAdds int64          `json:"multiply_adds"`
	FLOPs        int64          `json:"flops"`                 // 2·MultiplyAdds
	Uncounted    map[string]int `json:"uncounted,omitempty"`   // nodes with unknown multiply-adds, by operator
	ValuesSum    int64          `json:"values_sum_bytes"`      // of all values of forward, without parameters
	ValuesPeak   int64          `json:"values_peak_bytes"`     // largest sum of those needed at once
	PeakAt       string         `json:"values_peak_at"`        // name of the node
	Trainable    Tally          `json:"trainable"`             // parameters that a gradient reaches
	Kept         int64          `json:"kept_bytes"`            // of values that backward reads
	NoGradient   string         `json:"no_gradient,omitempty"` // reason why there is none
	Classifier   *Classifier    `json:"classifier,omitempty"`
	NoClassifier string         `json:"no_classifier,omitempty"` // reason why there is none
}

// Measure runs a model once and differentiates it. If that is not possible, r.Model.Unmeasured gets the reason. The
// report must be of a model.
func (r *Report) Measure(ctx context.Context, s importer.Sizes) {
	if err := r.measure(ctx, s); err != nil {
		r.Model.Unmeasured = err.Error()
	}
}

func (r *Report) measure(ctx context.Context, s importer.Sizes) error {
	file, err := imported.Open(ctx, r.Path, s)
	if err != nil {
		return err
	}
	defer file.Close()
	model, err := file.Import(importer.Options{Inputs: true})
	if err != nil {
		return err
	}
	g := model.Graph
	isInput := map[string]bool{} // without the initializers
	for _, v := range r.Model.Inputs {
		isInput[v.Name] = true
	}
	parameter := func(v *graphs.Value) bool { return v.Producer() == nil && !isInput[v.Name] }
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
		if k := r.Model.operator(n.Domain, n.Op); k >= 0 {
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
	if m.Classifier, err = findClassifier(ctx, r.Path, m.Inputs); err != nil {
		m.NoClassifier = err.Error()
	}
	return nil
}

// differentiate adds the gradients of all float outputs with respect to all parameters to g.
func (m *Measured) differentiate(g *graphs.Graph, inputs, parameters []*graphs.Value,
	parameter func(*graphs.Value) bool) error {
	if len(parameters) == 0 {
		return errors.New("the model has no parameters")
	}
	forward, cotangents := slices.Clone(g.Nodes), imported.AddCotangents(g)
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

// valueOf returns a value of a graph, without a name where a node leaves it out.
func valueOf(v *graphs.Value) Value {
	if v == nil {
		return Value{}
	}
	return Value{Name: v.Name, Type: onnx.TypeName(v.Type), Shape: sizes(v.Shape)}
}

// nameOf returns the text by which a reader finds a node.
func nameOf(n *graphs.Node) string {
	if n.Name != "" {
		return fmt.Sprintf("%s (%s)", n.Name, n.Op)
	}
	return n.Op
}
