package onnx

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"

	"fovea/internal/textfile"
	"fovea/onnx/internal/mmap"
	"fovea/onnx/pb"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Field numbers of onnx.proto that are read and written here by hand.
const (
	modelGraph       protowire.Number = 7
	graphInitializer protowire.Number = 5
	tensorRawData    protowire.Number = 9
)

// aliasSize is the smallest initializer whose bytes stay in the file's memory. Smaller ones are cheaper to copy than to
// keep a page for.
const aliasSize = 1024

// A Model is an open model file: a message whose big initializers point into mapped files.
type Model struct {
	Proto    *pb.ModelProto
	External map[string]int64 // bytes of each external data file, by the location that tensors name

	files []*mmap.File
	close func() error // of NewModel, else nil
}

// NewModel returns a model that was made of other files. close releases the memory of its initializers.
func NewModel(m *pb.ModelProto, close func() error) *Model {
	return &Model{Proto: m, External: map[string]int64{}, close: close}
}

// Open reads the model at path and maps the external data files that it names. External data must lie in the model's
// folder or below it, even after symbolic links are followed. Open does not check the model's structure; see [Check].
func Open(path string) (*Model, error) {
	f, err := mmap.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening model: %w", err)
	}
	m := &Model{External: map[string]int64{}, files: []*mmap.File{f}}
	if err = textfile.NotData(f.Bytes()); err == nil {
		if err = notWeights(f.Bytes()); err == nil {
			m.Proto, err = Unmarshal(f.Bytes())
		}
	}
	if err == nil {
		err = m.openExternal(path)
	}
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("opening model %s: %w", path, err)
	}
	return m, nil
}

// notWeights returns an error for a file of PyTorch or safetensors. Package weights reads these.
func notWeights(b []byte) error {
	zip := bytes.HasPrefix(b, []byte("PK\x03\x04"))
	pickle := len(b) > 1 && b[0] == 0x80 && b[1] >= 2 && b[1] <= 5
	if zip || pickle || len(b) > 8 && b[8] == '{' && string(b[4:8]) == "\x00\x00\x00\x00" {
		return errors.New("this is a weight file, not an ONNX model: if it is a classifier with its head, " +
			"\"trainer export -model FILE\" writes the ONNX model")
	}
	return nil
}

// Close releases the files. Initializers' RawData must not be touched afterwards.
func (m *Model) Close() error {
	var errs []error
	for _, f := range m.files {
		errs = append(errs, f.Close())
	}
	m.files = nil
	if m.close != nil {
		errs = append(errs, m.close())
		m.close = nil
	}
	return errors.Join(errs...)
}

// Digest returns the SHA-256 of the model's file and the data files that it names, in hexadecimal digits.
func (m *Model) Digest() string {
	sum := sha256.New()
	for _, f := range m.files {
		sum.Write(f.Bytes())
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Unmarshal decodes a model. RawData of the main graph's initializers from 1 KiB on is b's memory, not a copy. External
// data is left unopened.
func Unmarshal(b []byte) (*pb.ModelProto, error) {
	m := &pb.ModelProto{}
	if len(b) == 0 {
		return nil, fmt.Errorf("empty file, not an ONNX model")
	}
	rest, err := split(b, math.MaxInt, modelGraph, func(graph []byte) error {
		m.Graph = cmp.Or(m.Graph, &pb.GraphProto{})
		return unmarshalGraph(graph, m.Graph)
	})
	if err == nil {
		err = proto.UnmarshalOptions{Merge: true}.Unmarshal(rest, m)
	}
	if err != nil {
		return nil, fmt.Errorf("not an ONNX model, or a damaged one: %w", err)
	}
	return m, nil
}

func unmarshalGraph(b []byte, g *pb.GraphProto) error {
	rest, err := split(b, maxParts, graphInitializer, func(tensor []byte) error {
		t := &pb.TensorProto{}
		g.Initializer = append(g.Initializer, t)
		return unmarshalTensor(tensor, t)
	})
	if err != nil {
		return err
	}
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(rest, g)
}

func unmarshalTensor(b []byte, t *pb.TensorProto) error {
	if len(b) < aliasSize {
		return proto.Unmarshal(b, t)
	}
	var raw []byte
	rest, err := split(b, math.MaxInt, tensorRawData, func(data []byte) error {
		raw = data // the last one counts, as in every protobuf decoder
		return nil
	})
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(rest, t); err != nil {
		return err
	}
	t.RawData = raw
	return nil
}

// maxParts is the largest number of nodes, weights and descriptions of values in a graph: each takes time and memory.
// Models of today have some thousand.
const maxParts = 1 << 16

// split calls part with each length-delimited field num of message b and returns a message of the other fields.
// More than most fields are an error.
func split(b []byte, most int, num protowire.Number, part func([]byte) error) (rest []byte, err error) {
	for at, fields := 0, 0; at < len(b); fields++ {
		if fields == most {
			return nil, fmt.Errorf("a graph has more than %d nodes, weights and values", most)
		}
		n, typ, tag := protowire.ConsumeTag(b[at:])
		if tag < 0 {
			return nil, fmt.Errorf("byte %d: %w", at, protowire.ParseError(tag))
		}
		if n == num && typ == protowire.BytesType {
			v, size := protowire.ConsumeBytes(b[at+tag:])
			if size < 0 {
				return nil, fmt.Errorf("byte %d: %w", at, protowire.ParseError(size))
			}
			if err := part(v[:len(v):len(v)]); err != nil {
				return nil, err
			}
			at += tag + size
			continue
		}
		size := protowire.ConsumeFieldValue(n, typ, b[at+tag:])
		if size < 0 {
			return nil, fmt.Errorf("byte %d: %w", at, protowire.ParseError(size))
		}
		rest = append(rest, b[at:at+tag+size]...)
		at += tag + size
	}
	return rest, nil
}
