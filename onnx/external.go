package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fovea/internal/textfile"
	"fovea/onnx/internal/mmap"
	"fovea/onnx/pb"
)

// openExternal maps the data files that tensors of the model at path name, and gives those tensors RawData instead.
func (m *Model) openExternal(path string) error {
	var root *os.Root
	files := map[string][]byte{}
	err := eachTensor(m.Proto, func(t *pb.TensorProto) error {
		if !isExternal(t) {
			return nil
		}
		location := externalEntry(t, "location")
		data, ok := files[location]
		if !ok {
			var err error
			if root == nil {
				if root, err = os.OpenRoot(filepath.Dir(path)); err != nil {
					return err
				}
			}
			f, err := openLocation(root, location)
			if err != nil {
				return fmt.Errorf("tensor %q: %w", t.GetName(), err)
			}
			m.files = append(m.files, f)
			data = f.Bytes()
			if err := textfile.NotData(data); err != nil {
				return fmt.Errorf("external data file %q: %w", location, err)
			}
			files[location] = data
			m.External[location] = int64(len(data))
		}
		section, err := externalSection(t, data)
		if err != nil {
			return fmt.Errorf("tensor %q: external data file %q: %w", t.GetName(), location, err)
		}
		return SetData(t, section)
	})
	if root != nil {
		root.Close()
	}
	return err
}

// openLocation maps a data file inside root. A path that leads out of it, directly or through a symbolic link, is
// refused: it would let a model read any file.
func openLocation(root *os.Root, location string) (*mmap.File, error) {
	if location == "" {
		return nil, fmt.Errorf("external data without a location")
	}
	if !filepath.IsLocal(filepath.FromSlash(strings.ReplaceAll(location, `\`, "/"))) { // backslashes are Windows's
		return nil, fmt.Errorf("external data %q is outside the model's folder: refused", location)
	}
	f, err := root.Open(filepath.FromSlash(location))
	if err != nil {
		return nil, fmt.Errorf("external data (it must be a file in the model's folder): %w", err)
	}
	defer f.Close()
	return mmap.Map(f)
}

// externalSection returns the bytes of t in the content of its data file.
func externalSection(t *pb.TensorProto, data []byte) ([]byte, error) {
	want, err := DataSize(pb.TensorProto_DataType(t.GetDataType()), t.GetDims())
	if err != nil {
		return nil, err
	}
	offset, length := int64(0), want
	if s := externalEntry(t, "offset"); s != "" {
		if offset, err = strconv.ParseInt(s, 10, 64); err != nil {
			return nil, fmt.Errorf("offset %q is not a number", s)
		}
	}
	if s := externalEntry(t, "length"); s != "" {
		if length, err = strconv.ParseInt(s, 10, 64); err != nil {
			return nil, fmt.Errorf("length %q is not a number", s)
		}
	}
	size := int64(len(data))
	if offset < 0 || length < 0 || offset > size || length > size-offset {
		return nil, fmt.Errorf("has %d bytes, but %d are wanted from offset %d: the file is truncated or another one",
			size, length, offset)
	}
	return data[offset : offset+length : offset+length], nil
}

func isExternal(t *pb.TensorProto) bool {
	return t.GetDataLocation() == pb.TensorProto_EXTERNAL
}

func externalEntry(t *pb.TensorProto, key string) string {
	for _, e := range t.GetExternalData() {
		if e.GetKey() == key {
			return e.GetValue()
		}
	}
	return ""
}

// eachTensor calls visit for every tensor of m: initializers and attributes, in the main graph, subgraphs and
// functions.
func eachTensor(m *pb.ModelProto, visit func(*pb.TensorProto) error) error {
	if err := eachGraphTensor(m.GetGraph(), visit); err != nil {
		return err
	}
	for _, f := range m.GetFunctions() {
		if err := eachNodeTensor(f.GetNode(), visit); err != nil {
			return err
		}
	}
	return nil
}

func eachGraphTensor(g *pb.GraphProto, visit func(*pb.TensorProto) error) error {
	for _, t := range g.GetInitializer() {
		if err := visit(t); err != nil {
			return err
		}
	}
	for _, s := range g.GetSparseInitializer() {
		for _, t := range []*pb.TensorProto{s.GetValues(), s.GetIndices()} {
			if err := visit(t); err != nil {
				return err
			}
		}
	}
	return eachNodeTensor(g.GetNode(), visit)
}

func eachNodeTensor(nodes []*pb.NodeProto, visit func(*pb.TensorProto) error) error {
	for _, n := range nodes {
		for _, a := range n.GetAttribute() {
			for _, t := range tensorsOf(a) {
				if err := visit(t); err != nil {
					return err
				}
			}
			for _, g := range graphsOf(a) {
				if err := eachGraphTensor(g, visit); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// tensorsOf returns the tensors of an attribute, which has one or a list.
func tensorsOf(a *pb.AttributeProto) []*pb.TensorProto {
	if a.GetT() == nil {
		return a.GetTensors()
	}
	return append(slices.Clip(a.GetTensors()), a.GetT())
}

// graphsOf returns the subgraphs of an attribute, which has one or a list.
func graphsOf(a *pb.AttributeProto) []*pb.GraphProto {
	if a.GetG() == nil {
		return a.GetGraphs()
	}
	return append(slices.Clip(a.GetGraphs()), a.GetG())
}
