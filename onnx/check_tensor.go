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
	have := int64(len(t.GetStringData()))
	if dtype != pb.TensorProto_STRING {
		if want, err = DataSize(dtype, t.GetDims()); err != nil {
			return err
		}
		have = int64(len(t.GetRawData()))
		if t.GetRawData() == nil {
			have = typedSize(t, dtype)
		}
	}
	if have != want {
		unit := "bytes"
		if dtype == pb.TensorProto_STRING {
			unit = "strings"
		}
		return fmt.Errorf("%d %s of data, but %s of shape %v has %d", have, unit, TypeName(dtype), t.GetDims(), want)
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

// typedSize returns the number of bytes that typedData would pack.
func typedSize(t *pb.TensorProto, dtype pb.TensorProto_DataType) int64 {
	switch dtype {
	case pb.TensorProto_FLOAT, pb.TensorProto_COMPLEX64:
		return 4 * int64(len(t.GetFloatData()))
	case pb.TensorProto_DOUBLE, pb.TensorProto_COMPLEX128:
		return 8 * int64(len(t.GetDoubleData()))
	case pb.TensorProto_INT64:
		return 8 * int64(len(t.GetInt64Data()))
	case pb.TensorProto_UINT64:
		return 8 * int64(len(t.GetUint64Data()))
	case pb.TensorProto_UINT32:
		return 4 * int64(len(t.GetUint64Data()))
	}
	n, width := uint64(len(t.GetInt32Data())), elementTypes[dtype].bits
	if width == 6 {
		return int64((6*n + 7) / 8)
	}
	return int64(n * max(width, 8) / 8)
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
