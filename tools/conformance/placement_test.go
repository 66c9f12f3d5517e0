package conformance

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/graphs/importer"
	"fovea/onnx"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
	"fovea/tools/cudastub"
)

// onHost lists the operators that the CUDA provider leaves to the CPU: LpPool and Tan themselves, whose results their
// gradients read, MaxPool with indices, and DequantizeLinear of other integers than of 8 and 4 bits.
var onHost = []string{"DequantizeLinear", "LpPool", "MaxPool", "Tan"}

// TestPlacedOnCUDA proves that the gradients of all other cases run on the GPU, without a copy between devices.
func TestPlacedOnCUDA(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		placed := 0
		for _, corpus := range corpora {
			cases, err := readCases("testdata", corpus)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cases {
				if model := gradients(t, c); model != nil && !slices.Contains(onHost, c.op) {
					if err := ort.CheckPlacement(model); err != nil {
						t.Errorf("%s: %v", c.name, err)
					}
					placed++
				}
			}
		}
		t.Logf("%d cases", placed)
	})
}

// gradients returns the model of a case's gradients alone, nil if there is none.
func gradients(t *testing.T, c testCase) []byte {
	source, err := importer.Read(proto.Clone(c.model).(*pb.ModelProto), importer.Sizes{})
	if err != nil {
		return nil
	}
	g, err := differentiated(source, nudged(c, 0))
	if err != nil || len(g.Outputs) == len(c.model.Graph.Output) {
		return nil
	}
	g.Outputs = g.Outputs[len(c.model.Graph.Output):]
	g.RemoveDead()
	g.Fold()
	model, err := g.Model()
	if err != nil {
		t.Fatal(err)
	}
	data, err := onnx.Marshal(model)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
