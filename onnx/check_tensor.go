package onnx

import (
	"fmt"

	"fovea/onnx/pb"
)

// checkTensor returns an error unless t's content agrees with its type and shape.
func checkTensor(t *pb.TensorProto) error {
	dtype := pb.TensorProto_DataType(t.GetDataType())
	want, err := NumElements(t.GetDims())
	switch {
	case err != nil:
		return err
	case dtype == pb.TensorProto_UNDEFINED:
		return fmt.Errorf("data_type is missing")
	case elementTypes[dtype].name == "":
		return fmt.Errorf("data_type %d is unknown", dtype)
	case t.GetSegment() != nil:
		return fmt.Errorf("segmented tensors are not supported: merge the segments first")
	case isExternal(t):
		return checkExternal(t)
	}
	if dtype != pb.TensorProto_STRING {
		_, err := tensorData(t)
		return err
	}
	if have := int64(len(t.GetStringData())); have != want {
		return fmt.Errorf("%d strings of data, but string of shape %v has %d", have, t.GetDims(), want)
	}
	return nil
}

// checkExternal checks everything about external data that is known without its file.
func checkExternal(t *pb.TensorProto) error {
	if externalEntry(t, "location") == "" {
		return fmt.Errorf("external data without a location")
	}
	_, err := DataSize(pb.TensorProto_DataType(t.GetDataType()), t.GetDims())
	return err
}

// checkSparse checks a sparse tensor's shape, values and indices.
func checkSparse(s *pb.SparseTensorProto) error {
	if _, err := NumElements(s.GetDims()); err != nil {
		return err
	}
	if len(s.GetValues().GetDims()) != 1 {
		return fmt.Errorf("its values have shape %v instead of one dimension", s.GetValues().GetDims())
	}
	if err := checkTensor(s.GetValues()); err != nil {
		return fmt.Errorf("values: %w", err)
	}
	if err := checkTensor(s.GetIndices()); err != nil {
		return fmt.Errorf("indices: %w", err)
	}
	return nil
}
