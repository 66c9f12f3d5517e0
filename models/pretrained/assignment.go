package pretrained

import (
	"encoding/binary"
	"fmt"
	"math"

	"fovea/internal/numbers"
	"fovea/onnx"
	"fovea/onnx/pb"
	"fovea/onnx/weights"
)

// An Assignment is a tensor that becomes a parameter.
type Assignment struct {
	Parameter int // index in the model
	Tensor    weights.Tensor
	Transpose bool // from [in,out] to [out,in]
	Resize    bool // resize a position embedding to the model's grid

	to Parameter
}

// Load fills values, the parameter's elements in row-major order. It refuses values that are not finite in float32.
func (a Assignment) Load(values []float32) error {
	data, err := a.Tensor.Bytes()
	if err != nil {
		return err
	}
	read := values
	if a.Transpose || a.Resize {
		n, err := onnx.NumElements(a.Tensor.Shape)
		if err != nil {
			return err
		}
		read = make([]float32, n)
	}
	if i := converters[a.Tensor.Type](read, data); i >= 0 {
		return fmt.Errorf("element %d of %s is not finite in float32: the file is damaged, or of a run that diverged",
			i, a.Tensor.Name)
	}
	switch {
	case a.Transpose:
		transpose(values, read, int(a.to.Shape[0]), int(a.to.Shape[1]))
	case a.Resize:
		resize(values, read, int(side(a.Tensor.Shape[1]-1)), int(side(a.to.Shape[1]-1)), int(a.to.Shape[2]))
	}
	return nil
}

// transpose copies [columns,rows] as [rows,columns].
func transpose(to, from []float32, rows, columns int) {
	for c := range columns {
		for r, v := range from[c*rows : (c+1)*rows] {
			to[r*columns+c] = v
		}
	}
}

// converters read little-endian elements of a type as float32. They return the index of the first element that is not
// finite, or -1.
var converters = map[pb.TensorProto_DataType]func(to []float32, from []byte) int{
	pb.TensorProto_FLOAT: func(to []float32, from []byte) int {
		return convert(to, from, 4,
			func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) })
	},
	pb.TensorProto_DOUBLE: func(to []float32, from []byte) int {
		return convert(to, from, 8,
			func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) })
	},
	pb.TensorProto_FLOAT16: func(to []float32, from []byte) int {
		return convert(to, from, 2, func(b []byte) float32 {
			return numbers.FromFloat16(binary.LittleEndian.Uint16(b))
		})
	},
	pb.TensorProto_BFLOAT16: func(to []float32, from []byte) int {
		return convert(to, from, 2, func(b []byte) float32 {
			return numbers.FromBFloat16(binary.LittleEndian.Uint16(b))
		})
	},
}

func convert(to []float32, from []byte, width int, read func([]byte) float32) int {
	bad := -1
	for i := range to {
		to[i] = read(from[i*width:])
		if to[i]-to[i] != 0 && bad < 0 { // an infinity or a NaN
			bad = i
		}
	}
	return bad
}
