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
	f, err := initializers(m)
	if err != nil {
		m.Close()
		return nil, err
	}
	return f, nil
}

func initializers(m *onnx.Model) (*File, error) {
	var tensors []Tensor
	for _, t := range m.Proto.GetGraph().GetInitializer() {
		dtype := pb.TensorProto_DataType(t.GetDataType())
		if dtype == pb.TensorProto_STRING {
			continue
		}
		data, err := onnx.Data(t)
		if err != nil {
			return nil, err
		}
		tensors = append(tensors, Tensor{Name: t.GetName(), Type: dtype, Shape: t.GetDims(), Data: data})
	}
	metadata := map[string]string{}
	for _, p := range m.Proto.GetMetadataProps() {
		metadata[p.GetKey()] = p.GetValue()
	}
	return newFile(tensors, metadata, m.Close)
}
