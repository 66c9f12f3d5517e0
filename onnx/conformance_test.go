package onnx

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"testing"

	"google.golang.org/protobuf/proto"
)

// TestConformanceModels reads the models of ONNX's own backend tests, 103 operators in operator sets up to 10, from
// onnx-go. Each decodes, passes the check, has a node of its operator, and is the same after it was written and read
// again.
func TestConformanceModels(t *testing.T) {
	c := exec.Command("go", "run", "fovea/tools/onnxgo", "cases")
	var problems bytes.Buffer
	c.Stderr = &problems
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &problems)
	}
	count := 0
	for cases := json.NewDecoder(bytes.NewReader(out)); ; count++ {
		var c struct {
			Title, Op string
			Model     []byte
		}
		err := cases.Decode(&c)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		checkConformance(t, c.Title, c.Op, c.Model)
	}
	if count != 348 {
		t.Errorf("there are %d models, onnx-go v0.5.0 has 348", count)
	}
}

func checkConformance(t *testing.T, title, op string, encoded []byte) {
	t.Helper()
	m, err := Unmarshal(encoded)
	if err != nil {
		t.Errorf("%s: %v", title, err)
		return
	}
	if err := Check(m); err != nil {
		t.Errorf("%s: %v", title, err)
	}
	found := false
	for _, n := range m.GetGraph().GetNode() {
		found = found || n.GetOpType() == op
	}
	if !found {
		t.Errorf("%s: there is no node %s", title, op)
	}
	again, err := Marshal(m)
	if err != nil {
		t.Errorf("%s: %v", title, err)
		return
	}
	if m2, err := Unmarshal(again); err != nil || !proto.Equal(m, m2) {
		t.Errorf("%s: written and read again it differs: %v", title, err)
	}
}
