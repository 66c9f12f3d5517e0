// Onnxgo lets tests compare with onnx-go, a decoder of ONNX that shares no code with this module.
//
//	go run ./tools/onnxgo describe    # reads models, each a JSON string in base64, and writes the structure of each
//	go run ./tools/onnxgo cases       # writes ONNX's conformance cases, a JSON object a line
//
// It is a program of its own because onnx-go and package fovea/onnx/pb both register the protobuf names of ONNX, which
// one process does not allow. For the same reason it imports nothing of this module.
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	onnxgo "github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend/testbackend"
	_ "github.com/owulveryck/onnx-go/backend/testbackend/onnx" // registers the conformance cases
	"gonum.org/v1/gonum/graph/topo"
	"gorgonia.org/tensor"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "onnxgo:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	switch {
	case len(args) == 1 && args[0] == "describe":
		return describeAll(json.NewDecoder(in), json.NewEncoder(out))
	case len(args) == 1 && args[0] == "cases":
		return cases(json.NewEncoder(out))
	}
	return errors.New("usage: onnxgo describe | cases")
}

// describeAll answers each model with its description, until the input ends.
func describeAll(in *json.Decoder, out *json.Encoder) error {
	for {
		var model []byte
		if err := in.Decode(&model); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := describe(model, out); err != nil {
			return err
		}
	}
}

// describe writes inputs, outputs and edges as numbers, the nodes, and the shapes of the values that the model
// declares or stores.
func describe(encoded []byte, out *json.Encoder) error {
	s := newStructure()
	m := onnxgo.NewModel(s)
	if err := m.UnmarshalBinary(encoded); err != nil {
		return err
	}
	if _, err := topo.Sort(s); err != nil {
		return fmt.Errorf("the graph has a cycle: %w", err)
	}
	shapes := map[string][]int{}
	for values := s.Nodes(); values.Next(); {
		if v := values.Node().(*value); v.shape != nil {
			shapes[v.name] = v.shape
		}
	}
	return out.Encode(struct {
		Inputs, Outputs, Edges int
		Nodes                  []node
		Shapes                 map[string][]int
	}{len(m.Input), len(m.Output), s.WeightedEdges().Len(), s.nodes, shapes})
}

// A constant is a tensor of a conformance case. Data has its elements in little-endian order, of the Go type Type.
type constant struct {
	Type  string
	Shape []int
	Data  []byte
}

// cases writes the name, operator, model, inputs and results of each conformance case.
func cases(out *json.Encoder) error {
	for _, build := range testbackend.GetAllRegisteredTests() {
		c := build()
		inputs, err := constants(c.Input)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Title, err)
		}
		results, err := constants(c.ExpectedOutput)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Title, err)
		}
		if err := out.Encode(struct {
			Title, Op       string
			Model           []byte
			Inputs, Results []constant
		}{c.Title, c.OpType, c.ModelB, inputs, results}); err != nil {
			return err
		}
	}
	return nil
}

func constants(tensors []tensor.Tensor) (list []constant, err error) {
	for _, t := range tensors {
		data := t.Data()
		if x, ok := data.([]int); ok { // binary.Write refuses int, which has no fixed size
			wide := make([]int64, len(x))
			for i, v := range x {
				wide[i] = int64(v)
			}
			data = wide
		}
		var buffer bytes.Buffer
		if err := binary.Write(&buffer, binary.LittleEndian, data); err != nil {
			return nil, err
		}
		list = append(list, constant{strings.TrimPrefix(fmt.Sprintf("%T", data), "[]"), t.Shape(), buffer.Bytes()})
	}
	return list, nil
}
