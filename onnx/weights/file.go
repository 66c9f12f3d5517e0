package weights

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"fovea/onnx/internal/mmap"
	"fovea/onnx/pb"
)

// Tensor is a named array: elements of Type in row-major order, little-endian.
// A Shape of length 0 is a scalar.
type Tensor struct {
	Name  string
	Type  pb.TensorProto_DataType
	Shape []int64
	Data  []byte // nil where the file has the elements in another order; see Bytes

	load func() ([]byte, error) // makes what Data is not; may be nil
}

// Bytes returns Data, or a copy in row-major order of elements that the file
// has otherwise: transposed, for instance.
func (t Tensor) Bytes() ([]byte, error) {
	if t.load == nil {
		return t.Data, nil
	}
	data, err := t.load()
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	return data, nil
}

// File is an open file of tensors. Those of a pickled file are called by the
// keys that lead to them, joined by dots: model.blocks.0.norm1.weight.
type File struct {
	Tensors  []Tensor          // in the file's order
	Metadata map[string]string // never nil
	index    map[string]int
	roots    []string // for each tensor the key of the outermost dict that it is below, or ""
	close    func() error
}

// Open opens the weight file at path. What the file is shows in its first
// bytes; the extension decides only where they do not.
func Open(path string) (*File, error) {
	open, err := detect(path)
	if err != nil {
		return nil, fmt.Errorf("opening weights %s: %w", path, err)
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

// Under returns the tensors in the dict that the outermost dict of a pickled
// file has under key, called by the rest of their path. There are none in other
// files.
func (f *File) Under(key string) []Tensor {
	var out []Tensor
	for i, root := range f.roots {
		if root == key && root != "" {
			t := f.Tensors[i]
			t.Name = t.Name[len(key)+1:]
			out = append(out, t)
		}
	}
	return out
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

// openMapped maps the file at path and parses it.
func openMapped(path string, parse func([]byte) (contents, error)) (*File, error) {
	m, err := mmap.Open(path)
	if err != nil {
		return nil, err
	}
	c, err := parse(m.Bytes())
	if err == nil {
		var f *File
		if f, err = newFile(c.tensors, map[string]string{}, m.Close); err == nil {
			f.roots = c.roots
			return f, nil
		}
	}
	m.Close()
	return nil, err
}

func openTorchZip(path string) (*File, error) { return openMapped(path, parseTorchZip) }
func openPickle(path string) (*File, error)   { return openMapped(path, parsePickle) }

// detect tells what opens the file at path.
func detect(path string) (func(path string) (*File, error), error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 9)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	head = head[:n]
	ext := strings.ToLower(filepath.Ext(path))
	switch { // a safetensors file first: the length of its header may look like any other's mark
	case n == 0:
		return nil, fmt.Errorf("the file is empty")
	case n == 9 && head[8] == '{' && string(head[4:8]) == "\x00\x00\x00\x00":
		return openSafetensors, nil
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return openTorchZip, nil
	case head[0] == 0x80 && n > 1 && head[1] >= 2 && head[1] <= 5: // a pickle and its protocol
		return openPickle, nil
	case bytes.HasPrefix(head, []byte("\x89HDF")):
		return nil, fmt.Errorf("this is an HDF5 file (Keras), which is not read: " +
			"load it in Python and save its arrays with safetensors.numpy.save_file")
	case ext == ".safetensors":
		return openSafetensors, nil
	case ext == ".onnx", head[0] == 0x08: // field 1 of a ModelProto, ir_version
		return openONNX, nil
	}
	return nil, fmt.Errorf("none of safetensors, ONNX, .pth of PyTorch and .pdparams of PaddlePaddle: " +
		"save the weights as one of them")
}
