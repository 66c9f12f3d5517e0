package deploy

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/onnx/pb"
)

// These are the oldest and the newest version of the standard's operators that can be written.
const (
	OldestOpset = 13
	NewestOpset = 25
)

// Opset returns the version of the operators in g, at least OldestOpset.
func Opset(g *graphs.Graph) int64 {
	newest := int64(OldestOpset)
	for _, n := range g.Nodes {
		if n.Domain == "" && n.Version != 0 {
			newest = max(newest, n.Version)
		}
	}
	return newest
}

// Model writes g for an opset. The batch of the outputs is open if that of the input is. It returns an error that names
// the node if the opset does not have an operator and cannot express it.
func Model(g *graphs.Graph, opset int64) (*pb.ModelProto, error) {
	if opset < OldestOpset || opset > NewestOpset {
		return nil, fmt.Errorf("opset %d is not one of %d to %d", opset, OldestOpset, NewestOpset)
	}
	if err := useStandardProducts(g); err != nil {
		return nil, err
	}
	if err := convert(g, opset); err != nil {
		return nil, err
	}
	g.RemoveDead()
	for _, out := range g.Outputs {
		if len(g.Inputs) > 0 && g.Inputs[0].Rank() == 4 && g.Inputs[0].Shape[0] == graphs.Dynamic {
			out.Shape[0] = graphs.Dynamic
		}
	}
	m, err := g.Model()
	if err != nil {
		return nil, err
	}
	in := m.Graph.Input[0]
	tensor := in.GetType().GetTensorType()
	if in.GetName() == RawImage && tensor.GetElemType() == int32(pb.TensorProto_UINT8) {
		for i, name := range []string{"height", "width"} { // with one name they would have to be equal
			tensor.GetShape().GetDim()[i].Value = &pb.TensorShapeProto_Dimension_DimParam{DimParam: name}
		}
	}
	m.IrVersion = proto.Int64(irVersion(opset))
	for _, o := range m.OpsetImport {
		if o.GetDomain() == "" {
			o.Version = proto.Int64(opset)
		}
	}
	return m, nil
}

// irVersion returns the first version of the format with an opset (ONNX, Versioning.md).
func irVersion(opset int64) int64 {
	switch {
	case opset <= 14:
		return 7
	case opset <= 18:
		return 8
	case opset <= 20:
		return 9
	case opset <= 22:
		return 10
	case opset == 23:
		return 11
	case opset == 24:
		return 12
	}
	return 13
}
