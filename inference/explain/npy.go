package explain

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// npyHeader begins a file of NumPy's format 1.0 (numpy.lib.format) with float32 values in row-major order.
func npyHeader(shape []int) []byte {
	dims := make([]string, len(shape))
	for i, d := range shape {
		dims[i] = strconv.Itoa(d)
	}
	// A shape of one axis would need a comma behind it; there are two axes or more.
	text := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", strings.Join(dims, ", "))
	const before = 10 // magic, version, length
	// The data begin at a multiple of 64.
	text += strings.Repeat(" ", 63-(before+len(text))%64) + "\n"
	out := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(out[before-2:], uint16(len(text)))
	return append(out, text...)
}

func writeNPY(w io.Writer, shape []int, values []float32) error {
	if _, err := w.Write(npyHeader(shape)); err != nil {
		return err
	}
	return writeFloats(w, values)
}

func writeFloats(w io.Writer, values []float32) error {
	return binary.Write(w, binary.LittleEndian, values)
}
