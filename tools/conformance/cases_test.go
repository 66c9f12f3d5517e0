package conformance

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"fovea/internal/numbers"
	"fovea/onnx"
	"fovea/onnx/pb"
)

// corpora are the files of cases: of the ONNX project, the same with operators written out in simpler ones, older ones,
// of ONNX Runtime's own operators, and ones in which an optional input or output is left out.
var corpora = []string{"onnx", "expanded", "onnx-go", "contrib", "optional"}

// A testCase is a model of one operator with float32 inputs, their values, and the expected outputs.
type testCase struct {
	corpus, name, op string
	model            *pb.ModelProto
	values, expected map[string][]float32
}

// A key names a case; names are unique in a corpus.
type key struct{ corpus, name string }

func (c testCase) key() key { return key{c.corpus, c.name} }

// direct returns the case of the operator itself if k writes the operator out in simpler ones, or else k.
func (k key) direct() key {
	if name, _, found := strings.Cut(k.name, "_expanded"); found && k.corpus == "expanded" {
		return key{"onnx", name}
	}
	return k
}

// readCases reads a corpus that tools/oracle/conformance.py made.
func readCases(dir, corpus string) (cases []testCase, err error) {
	path := filepath.Join(dir, corpus+".bin.gz")
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for {
		var size uint32
		if err := binary.Read(z, binary.LittleEndian, &size); err == io.EOF {
			return cases, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(z, data); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		c, err := newCase(data)
		if err != nil {
			return nil, fmt.Errorf("%s: case %d: %w", path, len(cases), err)
		}
		c.corpus = corpus
		cases = append(cases, c)
	}
}

// newCase decodes a model whose initializers have the values of inputs and outputs.
func newCase(data []byte) (testCase, error) {
	m := &pb.ModelProto{}
	if err := proto.Unmarshal(data, m); err != nil {
		return testCase{}, err
	}
	g := m.Graph
	c := testCase{name: g.GetName(), op: g.GetDocString(), model: m}
	var err error
	if c.values, err = take(g, g.Input); err == nil {
		c.expected, err = take(g, g.Output)
	}
	return c, err
}

// take removes the initializers that are named like values, and returns those of floats.
func take(g *pb.GraphProto, list []*pb.ValueInfoProto) (map[string][]float32, error) {
	out := map[string][]float32{}
	for _, v := range list {
		name := v.GetName()
		t := onnx.Initializer(g, name)
		if t == nil {
			return nil, fmt.Errorf("%q has no value", name)
		}
		if t.GetDataType() == int32(pb.TensorProto_FLOAT) {
			data, err := onnx.Data(t)
			if err != nil {
				return nil, err
			}
			out[name] = numbers.Decode[float32](data)
		}
		g.Initializer = slices.DeleteFunc(g.Initializer, func(t *pb.TensorProto) bool { return t.GetName() == name })
	}
	return out, nil
}
