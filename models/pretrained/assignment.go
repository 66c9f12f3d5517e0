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

// An Assignment says which tensors of a file become a parameter.
type Assignment struct {
	Parameter int    // index in the model
	Parts     []Part // below one another
	Resize    bool   // resize a position embedding to the model's grid

	to     Parameter
	tokens int64 // of the file's position embedding, for Resize
}

// A Part of a parameter is a tensor, or some rows of it. Without a tensor it is zeros.
type Part struct {
	Tensor    weights.Tensor
	Factor    *weights.Tensor // multiplies each element; may be nil
	Transpose bool            // from [in,out] to [out,in], before rows are taken
	From, To  int64           // rows; both 0: all
}

// Load fills values, the parameter's elements in row-major order. It refuses values that are not finite in float32.
func (a Assignment) Load(values []float32) error {
	read := values
	if a.Resize {
		read = make([]float32, a.tokens*a.to.Shape[2])
	}
	for rest := read; len(rest) > 0; {
		if len(a.Parts) == 0 {
			return fmt.Errorf("%s is not filled", a.to.Name) // a bug: shapes were compared
		}
		n, err := a.Parts[0].load(rest, int64(len(values))/a.to.Shape[0])
		if err != nil {
			return err
		}
		rest, a.Parts = rest[n:], a.Parts[1:]
	}
	if a.Resize {
		n := tokensBefore(a.tokens)
		resize(values, read, int(n), int(side(a.tokens-n)), int(side(a.to.Shape[1]-n)), int(a.to.Shape[2]))
	}
	return nil
}

// InPlace returns the parameter's elements, little-endian, in the file's memory, if they are there as they must be and
// finite.
func (a Assignment) InPlace() (data []byte, ok bool) {
	if len(a.Parts) != 1 || a.Resize {
		return nil, false
	}
	p := a.Parts[0]
	if p.Transpose || p.Factor != nil || p.To > 0 || p.Tensor.Type != pb.TensorProto_FLOAT || p.Tensor.Data == nil {
		return nil, false
	}
	const exponent = 0x7f800000 // all of its bits are set in infinities and NaN
	for at := 0; at < len(p.Tensor.Data); at += 4 {
		if binary.LittleEndian.Uint32(p.Tensor.Data[at:])&exponent == exponent {
			return nil, false
		}
	}
	return p.Tensor.Data, true
}

// load fills the start of values and returns how many elements it wrote. row is the size of a row of the parameter.
func (p Part) load(values []float32, row int64) (int, error) {
	if p.Tensor.Name == "" {
		n := int(p.To * row)
		clear(values[:n])
		return n, nil
	}
	n, err := onnx.NumElements(p.Tensor.Shape)
	if err != nil {
		return 0, err
	}
	first, last := p.From*row, n
	if p.To > 0 {
		last = p.To * row
	}
	all := values[:min(n, int64(len(values)))]
	if p.Transpose || last-first < n {
		all = make([]float32, n)
	}
	if err := read(all, p.Tensor); err != nil {
		return 0, err
	}
	if p.Factor != nil {
		factor := make([]float32, n)
		if err := read(factor, *p.Factor); err != nil {
			return 0, err
		}
		for i, f := range factor {
			all[i] *= f
		}
	}
	if p.Transpose {
		rows := p.Tensor.Shape[1]
		out := values[:n]
		if last-first < n {
			out = make([]float32, n)
		}
		transpose(out, all, int(rows), int(n/max(1, rows)))
		all = out
	}
	return copy(values, all[first:last]), nil
}

// read converts a tensor to float32.
func read(values []float32, t weights.Tensor) error {
	data, err := t.Bytes()
	if err != nil {
		return err
	}
	if i := converters[t.Type](values, data); i >= 0 {
		return fmt.Errorf("element %d of %s is not finite in float32: the file is damaged, or of a run that diverged",
			i, t.Name)
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
