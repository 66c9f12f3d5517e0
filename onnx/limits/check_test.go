package limits

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/onnx"
)

// TestGoodModels: no model of the repository's tests is refused.
func TestGoodModels(t *testing.T) {
	root := filepath.Join("..", "..")
	count := 0
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".onnx" || strings.Contains(path, "hostile") {
			return err
		}
		m, err := onnx.Open(path)
		if err != nil {
			return nil // a damaged file of another test
		}
		defer m.Close()
		if onnx.Check(m.Proto) != nil {
			return nil
		}
		count++
		if err := Check(m.Proto, nil); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return nil
	})
	if err != nil || count < 10 {
		t.Fatalf("%d models: %v", count, err)
	}
	t.Log(count, "models")
}
