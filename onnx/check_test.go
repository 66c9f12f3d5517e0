package onnx

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"fovea/onnx/pb"

	"google.golang.org/protobuf/proto"
)

// onnx.checker.check_model gives the same verdicts.
func TestCheckAgreesWithOfficialChecker(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "check", "verdicts.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	messages := map[string]string{
		"order": `node "second" (Neg): input 0, "a", is made later, by node "first" (Abs): ` +
			`sort the nodes topologically`,
		"cycle":           `node "one" (Add): input 1, "b", depends on the node's own output: a cycle through a → b`,
		"self_cycle":      `node "own" (Add): input 1, "y", depends on the node's own output: a cycle through y`,
		"undefined":       `node "add" (Add): input 1, "nowhere", is made by no node, input or initializer`,
		"twice_made":      `value "y" of node "two" (Abs) is made by node "one" (Neg) already: names must be unique`,
		"input_made":      `value "x" of node "two" (Neg) is made by the graph input already: names must be unique`,
		"foreign_domain":  `node "f" (FusedMatMul): its domain "com.microsoft" is not in opset_import`,
		"short_data":      `initializer "w": 4 bytes of data, but float32 of shape [2] has 8`,
		"negative_dim":    `initializer "w": shape [-2] has a negative dimension`,
		"attribute_twice": `node "leaky" (LeakyRelu): attribute "alpha" appears twice`,
		"subgraph_undefined": `node "if" (If): attribute "then_branch": subgraph "branch": node "inner" (Neg): ` +
			`input 0, "nowhere", is made by no node, input or initializer`,
		"function_undefined": `function "F": node "body" (Add): ` +
			`input 1, "nowhere", is made by no node, input or initializer`,
	}
	for _, row := range rows[1:] {
		name, valid := row[0], row[1] == "true"
		err := Check(open(t, filepath.Join("testdata", "check", name+".onnx")).Proto)
		if (err == nil) != valid {
			t.Errorf("%s: error %v, the official checker says valid %v (%s)", name, err, valid, row[2])
		}
		if want := messages[name]; want != "" && (err == nil || err.Error() != "invalid model: "+want) {
			t.Errorf("%s:\n got %v\nwant %s", name, err, want)
		}
	}
}

// The official checker accepts these models, but no runtime does.
func TestCheckStricter(t *testing.T) {
	base := func() *pb.ModelProto { return open(t, filepath.Join("testdata", "check", "valid.onnx")).Proto }
	tests := []struct {
		want string
		edit func(*pb.ModelProto)
	}{
		{`graph output "z" is made by no node`, func(m *pb.ModelProto) {
			m.Graph.Output[0].Name = proto.String("z")
		}},
		{`two graph outputs "y"`, func(m *pb.ModelProto) {
			m.Graph.Output = append(m.Graph.Output, m.Graph.Output[0])
		}},
		{"12 bytes of data, but float32 of shape [2] has 8", func(m *pb.ModelProto) {
			m.Graph.Initializer[0].RawData = nil
			m.Graph.Initializer[0].FloatData = []float32{1, 2, 3}
		}},
		{"too many elements", func(m *pb.ModelProto) { m.Graph.Initializer[0].Dims = []int64{1 << 40, 1 << 40} }},
		{"data_type 77 is unknown", func(m *pb.ModelProto) { m.Graph.Initializer[0].DataType = proto.Int32(77) }},
		{`two initializers "w"`, func(m *pb.ModelProto) {
			m.Graph.Initializer = append(m.Graph.Initializer, m.Graph.Initializer[0])
		}},
		{"no graph", func(m *pb.ModelProto) { m.Graph = nil }},
		{`names domain "ai.onnx" twice`, func(m *pb.ModelProto) {
			m.OpsetImport = append(m.OpsetImport,
				&pb.OperatorSetIdProto{Domain: proto.String("ai.onnx"), Version: proto.Int64(17)})
		}},
	}
	for _, test := range tests {
		m := base()
		test.edit(m)
		if err := Check(m); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want one with %q", err, test.want)
		}
	}
	if err := Check(nil); err == nil {
		t.Error("no model at all passes")
	}
}

// A long chain in the wrong order: the search for a cycle must not recurse.
func TestCheckLongChain(t *testing.T) {
	m := open(t, filepath.Join("testdata", "check", "valid.onnx")).Proto
	const n = 100_000
	names := make([]string, n+1)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	names[0], names[n] = "y", "x"
	m.Graph.Node = nil
	for i := range n {
		m.Graph.Node = append(m.Graph.Node, &pb.NodeProto{OpType: proto.String("Neg"),
			Input: names[i+1 : i+2], Output: names[i : i+1]})
	}
	if err := Check(m); err == nil || !strings.Contains(err.Error(), "made later") {
		t.Errorf("error %.200v", err)
	}
}
