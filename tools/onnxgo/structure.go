package main

import (
	"fmt"

	onnxgo "github.com/owulveryck/onnx-go"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
	"gorgonia.org/tensor"
)

// A structure is an onnx-go backend that keeps a model's structure and none of its weights. The graph has one node for
// each value. An edge leads from each output of an operator to each of its inputs. Its weight is the input's position.
type structure struct {
	*simple.WeightedDirectedGraph
	inputs map[int64]map[int]string // by ID of a value: the operator's inputs, names by position
	nodes  []node
}

// A node describes an applied operator. Attributes are texts that begin with the Go type.
type node struct {
	Op              string
	Attributes      map[string]string
	Inputs, Outputs []string
}

func newStructure() *structure {
	return &structure{simple.NewWeightedDirectedGraph(0, 0), map[int64]map[int]string{}, nil}
}

// A value has a name and, where the model declares or stores it, a shape. The shape lacks the dimensions that are
// symbols. The elements are not kept.
type value struct {
	id    int64
	name  string
	shape []int
}

func (v *value) ID() int64           { return v.id }
func (v *value) SetName(name string) { v.name = name }
func (v *value) GetName() string     { return v.name }

// SetTensor keeps the shape of a tensor. With GetTensor it implements onnxgo.DataCarrier.
func (v *value) SetTensor(t tensor.Tensor) error {
	v.shape = append([]int{}, t.Shape()...)
	return nil
}

// GetTensor returns no tensor, because a value keeps no elements.
func (v *value) GetTensor() tensor.Tensor { return nil }

func (s *structure) NewNode() graph.Node {
	return &value{id: s.WeightedDirectedGraph.NewNode().ID()}
}

// SetWeightedEdge adds an edge and keeps the input's position, because the graph has one edge only for a value that an
// operator takes twice.
func (s *structure) SetWeightedEdge(e graph.WeightedEdge) {
	from := e.From().ID()
	if s.inputs[from] == nil {
		s.inputs[from] = map[int]string{}
	}
	s.inputs[from][int(e.Weight())] = e.To().(*value).name
	s.WeightedDirectedGraph.SetWeightedEdge(e)
}

// ApplyOperation adds a node. onnx-go calls it after it has set the operator's edges.
func (s *structure) ApplyOperation(o onnxgo.Operation, outputs ...graph.Node) error {
	n := node{Op: o.Name, Attributes: map[string]string{}}
	for name, x := range o.Attributes {
		n.Attributes[name] = fmt.Sprintf("%T %v", x, x)
	}
	for _, v := range outputs {
		n.Outputs = append(n.Outputs, v.(*value).name)
	}
	inputs := s.inputs[outputs[0].ID()]
	for i := range len(inputs) {
		n.Inputs = append(n.Inputs, inputs[i])
	}
	s.nodes = append(s.nodes, n)
	return nil
}
