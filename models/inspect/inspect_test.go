package inspect

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/graphs/importer"
	"fovea/onnx"
	"fovea/onnx/ort/install"
	"fovea/onnx/pb"
)

const exported = "../imported/testdata"

func TestMain(m *testing.M) {
	if _, err := install.Load(context.Background(), install.Source{}); err != nil {
		fmt.Fprintf(os.Stderr, "these tests need ONNX Runtime: %v\n", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func open(t *testing.T, path string) *Report {
	t.Helper()
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func text(t *testing.T, r *Report, list bool) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteText(&b, list); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPyTorch compares with PyTorch's own counts for the models that it exported: tools/oracle/inspect_models.py. They
// are of a batch of 2.
func TestPyTorch(t *testing.T) {
	content, err := os.ReadFile("testdata/flops.json")
	if err != nil {
		t.Fatal(err)
	}
	var models []struct {
		Name              string
		FLOPs, Parameters int64
	}
	if err := json.Unmarshal(content, &models); err != nil || len(models) == 0 {
		t.Fatalf("%d models, %v", len(models), err)
	}
	for _, want := range models {
		r := open(t, filepath.Join(exported, want.Name+".onnx"))
		r.Measure(t.Context(), importer.Sizes{Batch: 2})
		m := r.Model
		if m.Unmeasured != "" || m.Measured.NoGradient != "" {
			t.Fatalf("%s: %s %s", want.Name, m.Unmeasured, m.Measured.NoGradient)
		}
		if got := m.Parameters.Elements - m.Statistics.Elements; m.Measured.FLOPs != want.FLOPs ||
			got != want.Parameters {
			t.Errorf("%s: %d FLOPs and %d parameters, PyTorch counts %d and %d", want.Name, m.Measured.FLOPs, got,
				want.FLOPs, want.Parameters)
		}
		if m.Measured.Trainable != m.Parameters {
			t.Errorf("%s: gradients reach %v of the parameters, %v", want.Name, m.Measured.Trainable, m.Parameters)
		}
		if c := m.Measured.Classifier; c == nil || c.Scores != 5 ||
			c.Fixed["BatchNormalization's mean or variance"] != m.Statistics {
			t.Errorf("%s: as a classifier %+v %s", want.Name, c, m.Measured.NoClassifier)
		}
		var byOperator, byNode [2]int64
		for _, o := range m.Operators {
			byOperator[0] += o.Parameters
			byOperator[1] += o.MultiplyAdds
		}
		for _, n := range m.List {
			byNode[0] += n.Parameters
			byNode[1] += n.MultiplyAdds
		}
		if want := [2]int64{m.Parameters.Elements, want.FLOPs / 2}; byOperator != want || byNode != want {
			t.Errorf("%s: operators have %d parameters and multiply-adds, nodes %d, the model %d", r.Path, byOperator,
				byNode, want)
		}
	}
}

// TestBatch: but for parameters and constants all grows with the batch.
func TestBatch(t *testing.T) {
	var at [2]*Measured
	for i := range at {
		r := open(t, filepath.Join(exported, "vit_dynamo23.onnx"))
		r.Measure(t.Context(), importer.Sizes{Batch: int64(i + 1)})
		at[i] = r.Model.Measured
	}
	if 2*at[0].FLOPs != at[1].FLOPs || 2*at[0].ValuesSum != at[1].ValuesSum || 2*at[0].ValuesPeak != at[1].ValuesPeak ||
		2*at[0].Kept != at[1].Kept {
		t.Errorf("one image %+v, two %+v", at[0], at[1])
	}
	if m := at[0]; !(0 < m.ValuesPeak && m.ValuesPeak < m.Kept && m.Kept < m.ValuesSum) {
		t.Errorf("sizes of values are not plausible: %+v", m)
	}
}

// TestNotMeasured: what cannot be run or differentiated is told with the reason, and the structure stands.
func TestNotMeasured(t *testing.T) {
	for _, c := range []struct{ domain, op, unmeasured, noGradient string }{
		{"", "QuantizeLinear", `node "n" (QuantizeLinear): the model is quantised`, ""},
		{"ai.onnx.ml", "Normalizer", "", "no rule for this operator"},
		{"", "Mystery", "Mystery", ""},
	} {
		r := open(t, small(t, c.domain, c.op))
		r.Measure(t.Context(), importer.Sizes{Batch: 1})
		if !strings.Contains(r.Model.Unmeasured, c.unmeasured) || (c.unmeasured == "") != (r.Model.Unmeasured == "") {
			t.Errorf("%s: not measured because %q", c.op, r.Model.Unmeasured)
		}
		if m := r.Model.Measured; c.noGradient != "" &&
			(m == nil || !strings.Contains(m.NoGradient, c.noGradient) || m.NoClassifier == "" ||
				m.Uncounted[c.op] != 1) {
			t.Errorf("%s: measured %+v", c.op, m)
		}
		if got := text(t, r, true); r.Model.Nodes != 2 || !strings.Contains(got, c.op+" ") ||
			!strings.Contains(got, "w float32[3,3]") {
			t.Errorf("%s:\n%s", c.op, got)
		}
		if !strings.Contains(draw(t, r, 0), c.op) {
			t.Errorf("%s is not in the picture", c.op)
		}
	}
}

func draw(t *testing.T, r *Report, depth int) string {
	t.Helper()
	text, err := r.DOT(depth)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// small writes a model of a product and another operator.
func small(t *testing.T, domain, op string) string {
	t.Helper()
	g := graphs.New("small")
	y := g.MatMul(g.Input("x", graphs.Float32, 3, 3),
		g.Initializer("w", graphs.Float32, []int64{3, 3}, make([]byte, 36)), graphs.NoTrans)
	g.Output("y", y)
	m, err := g.Model()
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.Output[0].Name, m.Graph.Output[0].Type.GetTensorType().Shape = proto.String("z"), nil
	m.OpsetImport = append(m.OpsetImport, &pb.OperatorSetIdProto{Domain: proto.String("ai.onnx.ml"),
		Version: proto.Int64(3)})
	n := &pb.NodeProto{Name: proto.String("n"), OpType: &op, Domain: &domain, Input: []string{"y"},
		Output: []string{"z"}}
	m.Graph.Node = append(m.Graph.Node, n)
	onnx.SetMetadata(m, "fovea.classes", `["healthy", "glaucoma"]`)
	onnx.SetMetadata(m, "fovea.config", "a = 1\nb = 2\n")
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := onnx.Save(path, m, onnx.SaveOptions{External: true, Threshold: 1}); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestText(t *testing.T) {
	got := text(t, open(t, small(t, "", "Relu")), true)
	for _, line := range []string{
		"m.onnx: ONNX, ", "producer        fovea\n", "IR version 9, opset 20, ai.onnx.ml 3\n",
		"external data   m.onnx.data, 36 B\n",
		"input           x float32[3,3]\n", "output          z float32 of unknown rank\n",
		"fovea.classes          healthy, glaucoma\n",
		"fovea.config           (2 lines)\n", "parameters      9 in 1 tensor, 36 B\n",
		"MatMul    1      rule      9 (100.0 %)",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("no %q in\n%s", line, got)
		}
	}
}

// TestScopes: both exporters' notes, and where there are none the names of parameters, give the scopes.
func TestScopes(t *testing.T) {
	for name, scope := range map[string]string{
		"vit_torchscript17": "blocks.0.qkv", // in the names of nodes
		"vit_dynamo18":      "blocks.0.norm1",
	} {
		r := open(t, filepath.Join(exported, name+".onnx"))
		r.Measure(t.Context(), importer.Sizes{Batch: 1})
		if got := draw(t, r, 3); !strings.Contains(got, scope) {
			t.Errorf("%s: no box %s in\n%s", name, scope, got)
		}
	}
	noted := scopesOf([]*pb.NodeProto{{Name: proto.String("n"), Output: []string{"y"},
		MetadataProps: []*pb.StringStringEntryProto{{
			Key: proto.String("pkg.torch.onnx.name_scopes"), Value: proto.String("['', 'blocks', 'blocks.0', 'add']")}}}})
	if got := strings.Join(noted["y"], "|"); got != "blocks|blocks.0" {
		t.Errorf("the scope is %s", got)
	}
}

func TestBadFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.onnx")
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a file that is not there: %v", err)
	}
	content, err := os.ReadFile(filepath.Join(exported, "vit_dynamo18.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content[:len(content)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("half a file: %v", err)
	}
	// What breaks ONNX's rules is shown as far as it can be read.
	paths, err := filepath.Glob("../../onnx/testdata/check/*.onnx")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no models: %v", err)
	}
	for _, path := range paths {
		r := open(t, path)
		r.Measure(t.Context(), importer.Sizes{Batch: 1})
		text(t, r, true)
		draw(t, r, 0)
	}
}
