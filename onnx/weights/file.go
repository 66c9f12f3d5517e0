package weights

import (
	"fmt"

	"fovea/onnx/internal/mmap"
	"fovea/onnx/pb"
)

// A Tensor is a named array: elements of Type in row-major order, little-endian. A scalar has a Shape of length 0.
type Tensor struct {
	Name  string
	Type  pb.TensorProto_DataType
	Shape []int64
	Data  []byte // nil where the file has the elements in another order; see Bytes

	load func() ([]byte, error) // makes what Data is not; may be nil
}

// Bytes returns Data, or a copy in row-major order if the file has the elements in another order, transposed for
// instance.
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

// A File is an open file of tensors. In a pickled file a tensor's name is the keys that lead to it, joined by dots:
// model.blocks.0.norm1.weight.
type File struct {
	Tensors  []Tensor          // in the file's order
	Metadata map[string]string // never nil
	Values   map[string]string // numbers, texts and booleans beside the tensors of a pickled file, named as these are
	index    map[string]int
	close    func() error
}

// Open opens the weight file at path. Its first bytes tell the format; the extension counts only where they do not.
func Open(path string) (*File, error) {
	format, err := Detect(path)
	if err != nil {
		return nil, err
	}
	open := map[Format]func(string) (*File, error){Safetensors: mapped(parseSafetensors), ONNX: openONNX,
		TorchZip: mapped(parseTorchZip), Pickle: mapped(parsePickle), Index: openShards}[format]
	f, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("opening weights %s: %w", path, err)
	}
	return f, nil
}

// Lookup returns the tensor with this name.
func (f *File) Lookup(name string) (Tensor, bool) {
	i, ok := f.index[name]
	if !ok {
		return Tensor{}, false
	}
	return f.Tensors[i], true
}

// Close releases the file. No tensor's Data may be touched afterwards.
func (f *File) Close() error { return f.close() }

// newFile returns a File of contents, whose tensors must have different names. If they have not, it closes the file.
func newFile(c contents, close func() error) (*File, error) {
	f := &File{Tensors: c.tensors, Metadata: c.metadata, Values: c.values,
		index: make(map[string]int, len(c.tensors)), close: close}
	if f.Metadata == nil {
		f.Metadata = map[string]string{}
	}
	for i, t := range c.tensors {
		if _, ok := f.index[t.Name]; ok {
			close()
			return nil, fmt.Errorf("two tensors are called %q", t.Name)
		}
		f.index[t.Name] = i
	}
	return f, nil
}

// mapped returns a function that maps a file and parses it.
func mapped(parse func([]byte) (contents, error)) func(path string) (*File, error) {
	return func(path string) (*File, error) {
		m, err := mmap.Open(path)
		if err != nil {
			return nil, err
		}
		c, err := parse(m.Bytes())
		if err != nil {
			m.Close()
			return nil, err
		}
		return newFile(c, m.Close)
	}
}
