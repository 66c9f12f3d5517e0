// Onnxgo lets tests ask onnx-go, a decoder of ONNX that shares no code with
// this module, what it thinks of a model.
//
//	go run ./tools/onnxgo describe < model.onnx    # the model's structure, as JSON
//	go run ./tools/onnxgo cases                    # ONNX's conformance models, a JSON object a line
//
// It is a program of its own because onnx-go and package fovea/onnx/pb both
// register the protobuf names of ONNX, which one process does not allow. For
// the same reason it imports nothing of this module.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	onnxgo "github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend/testbackend"
	_ "github.com/owulveryck/onnx-go/backend/testbackend/onnx" // registers the conformance cases
	"gonum.org/v1/gonum/graph/topo"
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
		return describe(in, json.NewEncoder(out))
	case len(args) == 1 && args[0] == "cases":
		return cases(json.NewEncoder(out))
	}
	return errors.New("usage: onnxgo describe | cases")
}

// describe writes inputs, outputs and edges as numbers, and the nodes.
func describe(in io.Reader, out *json.Encoder) error {
	encoded, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	s := newStructure()
	m := onnxgo.NewModel(s)
	if err := m.UnmarshalBinary(encoded); err != nil {
		return err
	}
	if _, err := topo.Sort(s); err != nil {
		return fmt.Errorf("the graph has a cycle: %w", err)
	}
	return out.Encode(struct {
		Inputs, Outputs, Edges int
		Nodes                  []node
	}{len(m.Input), len(m.Output), s.WeightedEdges().Len(), s.nodes})
}

// cases writes the name, operator and bytes of each conformance model.
func cases(out *json.Encoder) error {
	for _, build := range testbackend.GetAllRegisteredTests() {
		c := build()
		if err := out.Encode(struct {
			Title, Op string
			Model     []byte
		}{c.Title, c.OpType, c.ModelB}); err != nil {
			return err
		}
	}
	return nil
}
