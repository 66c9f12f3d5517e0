package onnx

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"

	"fovea/internal/durable"
	"fovea/onnx/pb"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxProtobuf is the largest size that protobuf readers accept, ONNX Runtime's among them.
const maxProtobuf = math.MaxInt32

// SaveOptions say how Save lays a model out. The zero value makes one file, unless that file would be larger than
// protobuf's limit of 2 GiB.
type SaveOptions struct {
	// External puts initializers into a data file, however small the model is.
	External bool
	// Threshold is the size in bytes from which an initializer goes to the data file. 0 means 1024, as in
	// onnx.save_model.
	Threshold int
}

// Save writes m to path. If the file would be larger than 2 GiB, or if asked for, the initializers go to a data file
// with the model's name and ".data" behind it, and the model refers to them by offset. Each file is replaced whole, the
// data file first. Weights are written from the memory that they are in, and equal models give equal bytes.
func Save(path string, m *pb.ModelProto, opts SaveOptions) error {
	parts, err := encode(m, nil)
	if err != nil {
		return fmt.Errorf("saving model %s: %w", path, err)
	}
	if opts.External || parts.size() > maxProtobuf {
		if parts, err = saveExternal(path, m, opts); err != nil {
			return fmt.Errorf("saving model %s: %w", path, err)
		}
	}
	return durable.Write(path, parts.write)
}

// Marshal encodes m with all its weights into one new slice. A model above 2 GiB is an error, because no protobuf
// reader accepts it.
func Marshal(m *pb.ModelProto) ([]byte, error) {
	parts, err := encode(m, nil)
	if err != nil {
		return nil, err
	}
	if parts.size() > maxProtobuf {
		return nil, fmt.Errorf("model of %d bytes is above protobuf's limit of 2 GiB: save it with external data",
			parts.size())
	}
	return slices.Concat(parts...), nil
}

// saveExternal writes the data file and returns the model that refers to it.
func saveExternal(path string, m *pb.ModelProto, opts SaveOptions) (pieces, error) {
	threshold := opts.Threshold
	if threshold <= 0 {
		threshold = aliasSize
	}
	dataPath := path + ".data"
	sections := map[*pb.TensorProto]section{}
	var data pieces
	var end int64
	for _, t := range m.GetGraph().GetInitializer() {
		size := int64(len(t.GetRawData()))
		if size == 0 || size < int64(threshold) {
			continue
		}
		offset := align(end, size)
		data = append(data, padding[:offset-end], t.GetRawData())
		sections[t] = section{filepath.Base(dataPath), offset, size}
		end = offset + size
	}
	parts, err := encode(m, sections)
	if err != nil {
		return nil, err
	}
	if parts.size() > maxProtobuf {
		return nil, fmt.Errorf("%d bytes remain outside the initializers' data, above protobuf's limit of 2 GiB",
			parts.size())
	}
	return parts, durable.Write(dataPath, data.write)
}

// align returns the offset at or after end for a tensor of size bytes. ONNX Runtime and onnx put tensors above 1 MiB on
// the largest page that any system maps, 64 KiB. For small tensors that would be mostly padding, so they get a cache
// line.
func align(end, size int64) int64 {
	unit := int64(64)
	if size >= 1<<20 {
		unit = 64 << 10
	}
	return (end + unit - 1) / unit * unit
}

// padding has the zeros between tensors, the most that align can add.
var padding [64 << 10]byte

// A section is the range of a data file that holds a tensor's bytes.
type section struct {
	location       string
	offset, length int64
}

// pieces are the parts of a file in order: new bytes of messages, and weights in the memory that they are in.
type pieces [][]byte

func (p pieces) size() (n int64) {
	for _, b := range p {
		n += int64(len(b))
	}
	return n
}

func (p pieces) write(w io.Writer) error {
	for _, b := range p {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// encode returns m as protobuf. Initializers that have a section refer to it instead of carrying their bytes.
func encode(m *pb.ModelProto, sections map[*pb.TensorProto]section) (pieces, error) {
	head, err := marshalWithout(m, modelGraph)
	if err != nil {
		return nil, err
	}
	if m.GetGraph() == nil {
		return pieces{head}, nil
	}
	body, err := marshalWithout(m.GetGraph(), graphInitializer)
	if err != nil {
		return nil, err
	}
	graph := pieces{body}
	for _, t := range m.GetGraph().GetInitializer() {
		tensor, err := encodeTensor(t, sections)
		if err != nil {
			return nil, fmt.Errorf("initializer %q: %w", t.GetName(), err)
		}
		graph = append(graph, field(graphInitializer, tensor.size()))
		graph = append(graph, tensor...)
	}
	head = append(head, field(modelGraph, graph.size())...)
	return append(pieces{head}, graph...), nil
}

func encodeTensor(t *pb.TensorProto, sections map[*pb.TensorProto]section) (pieces, error) {
	if isExternal(t) {
		return nil, fmt.Errorf("its data is in file %q: open the model by its path", externalEntry(t, "location"))
	}
	shell, err := marshalWithout(t, tensorRawData)
	if err != nil {
		return nil, err
	}
	if s, ok := sections[t]; ok {
		link, err := proto.MarshalOptions{Deterministic: true}.Marshal(s.reference())
		return pieces{append(shell, link...)}, err
	}
	if t.RawData == nil {
		return pieces{shell}, nil
	}
	shell = append(shell, field(tensorRawData, int64(len(t.RawData)))...)
	return pieces{shell, t.RawData}, nil
}

// reference returns the fields of a tensor whose bytes are in s.
func (s section) reference() *pb.TensorProto {
	entry := func(key, value string) *pb.StringStringEntryProto {
		return &pb.StringStringEntryProto{Key: &key, Value: &value}
	}
	return &pb.TensorProto{
		DataLocation: pb.TensorProto_EXTERNAL.Enum(),
		ExternalData: []*pb.StringStringEntryProto{
			entry("location", s.location),
			entry("offset", strconv.FormatInt(s.offset, 10)),
			entry("length", strconv.FormatInt(s.length, 10)),
		},
	}
}

// field returns the tag and length in front of a length-delimited field.
func field(num protowire.Number, length int64) []byte {
	b := protowire.AppendTag(nil, num, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(length))
}

// marshalWithout encodes m without one field, and without copying that field.
func marshalWithout(m proto.Message, skip protowire.Number) ([]byte, error) {
	from := m.ProtoReflect()
	shell := from.New()
	from.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.Number() != skip {
			shell.Set(fd, v)
		}
		return true
	})
	shell.SetUnknown(from.GetUnknown())
	return proto.MarshalOptions{Deterministic: true}.Marshal(shell.Interface())
}
