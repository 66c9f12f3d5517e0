package weights

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"fovea/onnx/pb"
)

// Tensor is a named array: elements of Type in row-major order, little-endian.
// A Shape of length 0 is a scalar.
type Tensor struct {
	Name  string
	Type  pb.TensorProto_DataType
	Shape []int64
	Data  []byte
}

// File is an open file of tensors.
type File struct {
	Tensors  []Tensor          // in the order of their bytes in the file
	Metadata map[string]string // never nil
	index    map[string]int
	close    func() error
}

// Open opens the weight file at path. What the file is shows in its first
// bytes; the extension decides only where they do not.
func Open(path string) (*File, error) {
	kind, err := detect(path)
	if err != nil {
		return nil, fmt.Errorf("opening weights %s: %w", path, err)
	}
	open := openONNX
	if kind == safetensors {
		open = openSafetensors
	}
	f, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("opening weights %s: %w", path, err)
	}
	return f, nil
}

// Lookup returns the tensor called name.
func (f *File) Lookup(name string) (Tensor, bool) {
	i, ok := f.index[name]
	if !ok {
		return Tensor{}, false
	}
	return f.Tensors[i], true
}

// Close releases the file; no tensor's Data may be touched afterwards.
func (f *File) Close() error { return f.close() }

// newFile indexes tensors by name.
func newFile(tensors []Tensor, metadata map[string]string, close func() error) (*File, error) {
	f := &File{Tensors: tensors, Metadata: metadata, index: make(map[string]int, len(tensors)), close: close}
	for i, t := range tensors {
		if _, ok := f.index[t.Name]; ok {
			return nil, fmt.Errorf("two tensors are called %q", t.Name)
		}
		f.index[t.Name] = i
	}
	return f, nil
}

type format int

const (
	safetensors format = iota
	onnxModel
)

// detect tells the format of the file at path.
func detect(path string) (format, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	head := make([]byte, 9)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return 0, err
	}
	head = head[:n]
	ext := strings.ToLower(filepath.Ext(path))
	switch { // a safetensors file first: the length of its header may look like any other's mark
	case n == 0:
		return 0, fmt.Errorf("the file is empty")
	case n == 9 && head[8] == '{' && string(head[4:8]) == "\x00\x00\x00\x00":
		return safetensors, nil
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("\x80\x02")):
		return 0, fmt.Errorf("this is a pickled file (PyTorch or Paddle), which is not read yet: " +
			"load it in Python and save its tensors with safetensors.torch.save_file")
	case bytes.HasPrefix(head, []byte("\x89HDF")):
		return 0, fmt.Errorf("this is an HDF5 file (Keras), which is not read: " +
			"load it in Python and save its arrays with safetensors.numpy.save_file")
	case ext == ".safetensors":
		return safetensors, nil
	case ext == ".onnx", head[0] == 0x08: // field 1 of a ModelProto, ir_version
		return onnxModel, nil
	}
	return 0, fmt.Errorf("neither a safetensors file nor an ONNX model: save the weights as one of the two")
}
