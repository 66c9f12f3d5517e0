package weights

import (
	"fovea/onnx"
	"fovea/onnx/pb"
)

// openONNX opens the initializers of the model at path, and its metadata_props. Initializers of strings are labels, not
// weights, and are left out.
func openONNX(path string) (*File, error) {
	m, err := onnx.Open(path)
	if err != nil {
		return nil, err
	}
	c, err := initializers(m.Proto)
	if err != nil {
		m.Close()
		return nil, err
	}
	return newFile(c, m.Close)
}

func initializers(m *pb.ModelProto) (contents, error) {
	c := contents{metadata: map[string]string{}}
	for _, t := range m.GetGraph().GetInitializer() {
		dtype := pb.TensorProto_DataType(t.GetDataType())
		if dtype == pb.TensorProto_STRING {
			continue
		}
		data, err := onnx.Data(t)
		if err != nil {
			return c, err
		}
		c.tensors = append(c.tensors, Tensor{Name: t.GetName(), Type: dtype, Shape: t.GetDims(), Data: data})
	}
	for _, p := range m.GetMetadataProps() {
		c.metadata[p.GetKey()] = p.GetValue()
	}
	return c, nil
}
