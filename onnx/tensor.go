package onnx

import (
	"encoding/binary"
	"fmt"
	"slices"

	"fovea/internal/numbers"
	"fovea/onnx/pb"

	"google.golang.org/protobuf/proto"
)

// Data returns the elements of t as little-endian bytes in row-major order. If t keeps raw bytes, the result is that
// memory, not a copy; typed fields (float_data, int32_data, …) are converted. The length always agrees with type and
// shape. Tensors of strings, and external data that has not been opened (see [Open]), are errors.
func Data(t *pb.TensorProto) ([]byte, error) {
	data, err := tensorData(t)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.GetName(), err)
	}
	return data, nil
}

func tensorData(t *pb.TensorProto) ([]byte, error) {
	dtype := pb.TensorProto_DataType(t.GetDataType())
	if dtype == pb.TensorProto_STRING {
		return nil, fmt.Errorf("strings have no raw bytes: read string_data")
	}
	if t.GetSegment() != nil {
		return nil, fmt.Errorf("segmented tensors are not supported: merge the segments first")
	}
	if isExternal(t) {
		return nil, fmt.Errorf("its data is in file %q: open the model by its path", externalEntry(t, "location"))
	}
	want, err := DataSize(dtype, t.GetDims())
	if err != nil {
		return nil, err
	}
	data := t.GetRawData()
	if data == nil {
		data = typedData(t, dtype)
	}
	if int64(len(data)) != want {
		return nil, fmt.Errorf("%d bytes of data, but %s of shape %v has %d",
			len(data), TypeName(dtype), t.GetDims(), want)
	}
	return data, nil
}

// typedData packs the typed field that holds elements of dtype (see onnx.proto, comments of TensorProto) into bytes.
// The result is as long as the field, so a hostile shape costs nothing.
func typedData(t *pb.TensorProto, dtype pb.TensorProto_DataType) []byte {
	switch dtype {
	case pb.TensorProto_FLOAT, pb.TensorProto_COMPLEX64:
		return numbers.Encode(t.GetFloatData())
	case pb.TensorProto_DOUBLE, pb.TensorProto_COMPLEX128:
		return numbers.Encode(t.GetDoubleData())
	case pb.TensorProto_INT64:
		return numbers.Encode(t.GetInt64Data())
	case pb.TensorProto_UINT64, pb.TensorProto_UINT32:
		return lowBytes(t.GetUint64Data(), int(elementTypes[dtype].bits/8))
	case pb.TensorProto_FLOAT6E2M3, pb.TensorProto_FLOAT6E3M2:
		return pack6(t.GetInt32Data())
	}
	// Elements of 4 and 2 bits already share a value's lowest byte.
	return lowBytes(t.GetInt32Data(), int(max(elementTypes[dtype].bits, 8)/8))
}

// lowBytes keeps the lowest width bytes of each value.
func lowBytes[T int32 | uint64](values []T, width int) []byte {
	out := make([]byte, 0, len(values)*width)
	for _, v := range values {
		var all [8]byte
		binary.LittleEndian.PutUint64(all[:], uint64(v))
		out = append(out, all[:width]...)
	}
	return out
}

// pack6 packs 6-bit values into one stream of bits, lowest bits first.
func pack6(values []int32) []byte {
	out := make([]byte, (len(values)*6+7)/8)
	for i, v := range values {
		bit := 6 * i
		wide := uint16(v&0x3f) << (bit % 8)
		out[bit/8] |= byte(wide)
		if wide>>8 != 0 {
			out[bit/8+1] |= byte(wide >> 8)
		}
	}
	return out
}

// SetData makes data, little-endian bytes in row-major order, the content of t. The bytes are not copied: they must
// stay unchanged until the last Save or Marshal. The length must agree with the tensor's type and shape.
func SetData(t *pb.TensorProto, data []byte) error {
	want, err := DataSize(pb.TensorProto_DataType(t.GetDataType()), t.GetDims())
	if err == nil && int64(len(data)) != want {
		err = fmt.Errorf("%d bytes given, but %s of shape %v has %d",
			len(data), TypeName(pb.TensorProto_DataType(t.GetDataType())), t.GetDims(), want)
	}
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.GetName(), err)
	}
	if data == nil {
		data = []byte{}
	}
	t.RawData = data
	t.FloatData, t.DoubleData = nil, nil
	t.Int32Data, t.Int64Data, t.Uint64Data, t.StringData = nil, nil, nil, nil
	t.ExternalData, t.DataLocation, t.Segment = nil, nil, nil
	return nil
}

// NewTensor returns a tensor whose content is data. As with [SetData], the bytes are not copied.
func NewTensor(name string, dtype pb.TensorProto_DataType, shape []int64, data []byte) (*pb.TensorProto, error) {
	t := &pb.TensorProto{
		Name:     proto.String(name),
		DataType: proto.Int32(int32(dtype)),
		Dims:     slices.Clone(shape),
	}
	if err := SetData(t, data); err != nil {
		return nil, err
	}
	return t, nil
}

// BatchSymbol is the name of a dimension that is known only when a model runs.
const BatchSymbol = "batch"

// NewValueInfo describes an input, output or inner value of a graph. A negative dimension becomes BatchSymbol.
func NewValueInfo(name string, dtype pb.TensorProto_DataType, shape []int64) *pb.ValueInfoProto {
	dims := &pb.TensorShapeProto{}
	for _, size := range shape {
		d := &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: size}}
		if size < 0 {
			d.Value = &pb.TensorShapeProto_Dimension_DimParam{DimParam: BatchSymbol}
		}
		dims.Dim = append(dims.Dim, d)
	}
	return &pb.ValueInfoProto{Name: &name, Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{
		TensorType: &pb.TypeProto_Tensor{ElemType: proto.Int32(int32(dtype)), Shape: dims}}}}
}

// Initializer returns the initializer of g with this name, or nil.
func Initializer(g *pb.GraphProto, name string) *pb.TensorProto {
	for _, t := range g.GetInitializer() {
		if t.GetName() == name {
			return t
		}
	}
	return nil
}
