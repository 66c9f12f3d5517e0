package weights

import (
	"fmt"
	"slices"

	"fovea/onnx"
	"fovea/onnx/pb"
)

type dtypeName struct {
	name string
	typ  pb.TensorProto_DataType
}

// dtypes lists safetensors' element types in the order of the official library's enum. The library sorts files by it,
// because alignment ascends in the same order.
var dtypes = []dtypeName{
	{"BOOL", pb.TensorProto_BOOL},
	{"F4", pb.TensorProto_FLOAT4E2M1},
	{"F6_E2M3", pb.TensorProto_FLOAT6E2M3},
	{"F6_E3M2", pb.TensorProto_FLOAT6E3M2},
	{"U8", pb.TensorProto_UINT8},
	{"I8", pb.TensorProto_INT8},
	{"F8_E5M2", pb.TensorProto_FLOAT8E5M2},
	{"F8_E4M3", pb.TensorProto_FLOAT8E4M3FN},
	{"F8_E8M0", pb.TensorProto_FLOAT8E8M0},
	{"F8_E4M3FNUZ", pb.TensorProto_FLOAT8E4M3FNUZ},
	{"F8_E5M2FNUZ", pb.TensorProto_FLOAT8E5M2FNUZ},
	{"I16", pb.TensorProto_INT16},
	{"U16", pb.TensorProto_UINT16},
	{"F16", pb.TensorProto_FLOAT16},
	{"BF16", pb.TensorProto_BFLOAT16},
	{"I32", pb.TensorProto_INT32},
	{"U32", pb.TensorProto_UINT32},
	{"F32", pb.TensorProto_FLOAT},
	{"C64", pb.TensorProto_COMPLEX64},
	{"F64", pb.TensorProto_DOUBLE},
	{"I64", pb.TensorProto_INT64},
	{"U64", pb.TensorProto_UINT64},
}

// rank returns the index of typ in dtypes, or -1.
func rank(typ pb.TensorProto_DataType) int {
	return slices.IndexFunc(dtypes, func(d dtypeName) bool { return d.typ == typ })
}

// sizeOf returns the bytes of a tensor. The format has no padding, so packed types must fill whole bytes.
func sizeOf(typ pb.TensorProto_DataType, shape []int64) (int64, error) {
	size, err := onnx.DataSize(typ, shape)
	if err != nil {
		return 0, err
	}
	if _, err := onnx.ElementSize(typ); err == nil {
		return size, nil
	}
	eight, err := onnx.DataSize(typ, append([]int64{8}, shape...)) // as many bytes as one has bits
	if err == nil && eight != 8*size {
		err = fmt.Errorf("%s of shape %v does not fill its last byte", onnx.TypeName(typ), shape)
	}
	return size, err
}
