package graphtest

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"
)

// DescribeByONNXGo reads into description what tools/onnxgo, which decodes ONNX by
// other code than this module's, says of a model.
func DescribeByONNXGo(t testing.TB, model []byte, description any) {
	t.Helper()
	c := exec.Command("go", "run", "fovea/tools/onnxgo", "describe")
	var problems bytes.Buffer
	c.Stdin, c.Stderr = bytes.NewReader(model), &problems
	out, err := c.Output()
	if err == nil {
		err = json.Unmarshal(out, description)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, &problems)
	}
}
