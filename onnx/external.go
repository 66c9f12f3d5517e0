package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fovea/internal/regular"
	"fovea/internal/textfile"
	"fovea/onnx/internal/mmap"
	"fovea/onnx/pb"
)

// openExternal maps the data files that tensors of the model at path name, and gives those tensors RawData instead.
func (m *Model) openExternal(path string) error {
	var root *os.Root
	files := map[string][]byte{}
	for _, t := range allTensors(m.Proto) {
		if !isExternal(t) {
			continue
		}
		if root == nil {
			var err error
			if root, err = os.OpenRoot(filepath.Dir(path)); err != nil {
				return err
			}
			defer root.Close()
		}
		location := externalEntry(t, "location")
		if _, ok := files[location]; !ok {
			f, err := openLocation(root, location)
			if err != nil {
				return fmt.Errorf("tensor %q: %w", t.GetName(), err)
			}
			m.files = append(m.files, f)
			if err := textfile.NotData(f.Bytes()); err != nil {
				return fmt.Errorf("external data file %q: %w", location, err)
			}
			files[location] = f.Bytes()
			m.External[location] = int64(len(f.Bytes()))
		}
		section, err := externalSection(t, files[location])
		if err != nil {
			return fmt.Errorf("tensor %q: external data file %q: %w", t.GetName(), location, err)
		}
		if err := SetData(t, section); err != nil {
			return err
		}
	}
	return nil
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
	f, err := regular.OpenIn(root, filepath.FromSlash(location))
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

// allTensors returns the tensors of m: initializers and attributes, in the main graph, subgraphs and functions.
func allTensors(m *pb.ModelProto) []*pb.TensorProto {
	list := graphTensors(m.GetGraph())
	for _, f := range m.GetFunctions() {
		list = append(list, nodeTensors(f.GetNode())...)
	}
	return list
}

func graphTensors(g *pb.GraphProto) []*pb.TensorProto {
	list := slices.Clone(g.GetInitializer())
	for _, s := range g.GetSparseInitializer() {
		list = append(list, s.GetValues(), s.GetIndices())
	}
	return append(list, nodeTensors(g.GetNode())...)
}

func nodeTensors(nodes []*pb.NodeProto) (list []*pb.TensorProto) {
	for _, n := range nodes {
		for _, a := range n.GetAttribute() {
			list = append(list, tensorsOf(a)...)
			for _, g := range Subgraphs(a) {
				list = append(list, graphTensors(g)...)
			}
		}
	}
	return list
}

// tensorsOf returns the tensors of an attribute, which has one or a list.
func tensorsOf(a *pb.AttributeProto) []*pb.TensorProto {
	if a.GetT() == nil {
		return a.GetTensors()
	}
	return append(slices.Clip(a.GetTensors()), a.GetT())
}

// Subgraphs returns the graphs that an attribute holds, which has one or a list.
func Subgraphs(a *pb.AttributeProto) []*pb.GraphProto {
	if a.GetG() == nil {
		return a.GetGraphs()
	}
	return append(slices.Clip(a.GetGraphs()), a.GetG())
}
