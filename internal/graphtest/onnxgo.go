package graphtest

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"
)

// StartONNXGo starts tools/onnxgo, which decodes ONNX by other code than this module's, for the rest of the test.
// The function that it returns reads into description the structure that onnx-go finds in a model.
func StartONNXGo(t testing.TB) func(t testing.TB, model []byte, description any) {
	t.Helper()
	c := exec.Command("go", "run", "fovea/tools/onnxgo", "describe")
	var problems bytes.Buffer
	c.Stderr = &problems
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	end := func() error {
		in.Close()
		return c.Wait()
	}
	t.Cleanup(func() { end() })
	requests, answers := json.NewEncoder(in), json.NewDecoder(out)
	return func(t testing.TB, model []byte, description any) {
		t.Helper()
		err := requests.Encode(model)
		if err == nil {
			err = answers.Decode(description)
		}
		if err != nil {
			t.Fatalf("%v, %v\n%s", err, end(), &problems)
		}
	}
}
