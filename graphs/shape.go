package graphs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// product returns the number of elements of a shape, or Dynamic if a dimension is Dynamic.
func product(shape []int64) int64 {
	n := int64(1)
	for _, d := range shape {
		if d == Dynamic {
			return Dynamic
		}
		n *= d
	}
	return n
}

func shapeString(shape []int64) string {
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = strconv.FormatInt(d, 10)
		if d == Dynamic {
			parts[i] = onnx.BatchSymbol
		}
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func typeName(t pb.TensorProto_DataType) string {
	switch t {
	case Float32:
		return "float32"
	case Float64:
		return "float64"
	}
	return strings.ToLower(t.String())
}

// broadcast combines shapes by ONNX's multidirectional (NumPy) rule.
func broadcast(a, b []int64) ([]int64, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	for i, d := range b {
		j := len(a) - len(b) + i
		switch {
		case out[j] == d || d == 1:
		case out[j] == 1:
			out[j] = d
		default:
			return nil, fmt.Errorf("shapes %s and %s do not broadcast", shapeString(a), shapeString(b))
		}
	}
	return out, nil
}

// Axis returns an axis of a value of a rank, counted from the front. Negative ones count from the end.
func Axis(a int64, rank int) (int, error) {
	if a < 0 {
		a += int64(rank)
	}
	if a < 0 || a >= int64(rank) {
		return 0, fmt.Errorf("axis %d is outside of rank %d", a, rank)
	}
	return int(a), nil
}
