package importer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/onnx/pb"
)

// unfuse writes out what ONNX Runtime's optimiser made of several operators, in
// models that it saved: a convolution or Gemm and its activation, a bias and
// GELU. Other nodes come back alone. Source: ONNX Runtime's ContribOperators.md.
func (s *Source) unfuse(n *pb.NodeProto) ([]*pb.NodeProto, error) {
	op, inputs := n.GetOpType(), n.GetInput()
	switch {
	case n.GetDomain() != graphs.Microsoft || len(n.GetOutput()) != 1:
	case op == "BiasGelu":
		sum := plain("Add", n.GetOutput()[0]+"/biased", inputs...)
		gelu := plain("Gelu", n.GetOutput()[0], sum.Output...)
		gelu.Name, gelu.Domain = n.Name, n.Domain
		return []*pb.NodeProto{sum, gelu}, nil
	case op == "FusedConv" || op == "FusedGemm":
		return s.activated(n)
	}
	return []*pb.NodeProto{n}, nil
}

// activations are those that are fused, and the names of their attributes.
var activations = map[string][]string{"Relu": nil, "Tanh": nil, "Sigmoid": nil, "LeakyRelu": {"alpha"},
	"HardSigmoid": {"alpha", "beta"}, "Clip": {"min", "max"}}

// activated is a convolution or Gemm, the addition of its fourth input if there
// is one, and the activation.
func (s *Source) activated(n *pb.NodeProto) ([]*pb.NodeProto, error) {
	y, inputs := n.GetOutput()[0], n.GetInput()
	linear := plain(strings.TrimPrefix(n.GetOpType(), "Fused"), y+"/linear", inputs[:min(3, len(inputs))]...)
	linear.Name = n.Name
	kind, given := "", [2]float32{}
	for _, a := range n.GetAttribute() {
		switch a.GetName() {
		case "activation":
			kind = string(a.GetS())
		case "activation_params": // FusedConv's
			copy(given[:], a.GetFloats())
		case "activation_alpha": // FusedGemm's
			given[0] = a.GetF()
		case "activation_beta":
			given[1] = a.GetF()
		case "activation_gamma":
		default:
			linear.Attribute = append(linear.Attribute, a)
		}
	}
	names, known := activations[kind]
	if !known {
		return nil, fmt.Errorf("its activation %q is not one of %s", kind, strings.Join(slices.Sorted(maps.Keys(activations)), ", "))
	}
	nodes := []*pb.NodeProto{linear}
	if len(inputs) > 3 && inputs[3] != "" {
		nodes = append(nodes, plain("Add", y+"/sum", linear.Output[0], inputs[3]))
	}
	last := plain(kind, y, nodes[len(nodes)-1].Output...)
	for i, name := range names {
		if kind == "Clip" && s.opsets[""] >= 11 { // its limits are inputs
			limit := &pb.TensorProto{Name: proto.String(y + "/" + name), DataType: proto.Int32(int32(graphs.Float32)), FloatData: given[i : i+1]}
			s.addInitializer(limit)
			last.Input = append(last.Input, limit.GetName())
			continue
		}
		last.Attribute = append(last.Attribute, &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_FLOAT.Enum(), F: &given[i]})
	}
	return append(nodes, last), nil
}

// plain is a standard node with one result.
func plain(op, result string, inputs ...string) *pb.NodeProto {
	return &pb.NodeProto{OpType: proto.String(op), Input: inputs, Output: []string{result}}
}
