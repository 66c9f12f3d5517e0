package ort

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fovea/onnx/pb"
)

// TestHostileModels opens and runs every model of onnx/limits/testdata. Each ended this process, or would ask for
// gigabytes or hours. An error is right, and so is a result.
func TestHostileModels(t *testing.T) {
	folder := t.TempDir()
	archive, err := zip.OpenReader(filepath.Join("..", "limits", "testdata", "hostile.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	ran := 0
	for _, member := range archive.File {
		r, err := member.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, member.Name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := runOnce(path); err == nil {
			ran++
		} else if len(err.Error()) > 2000 {
			t.Errorf("%s: the error has %d bytes", member.Name, len(err.Error()))
		}
	}
	t.Logf("%d of %d run", ran, len(archive.File))
}

func runOnce(path string) error {
	s, err := OpenSession(path, Options{Threads: 1, Longest: 50 * time.Millisecond})
	if err != nil {
		return err
	}
	defer s.Close()
	x, err := NewTensor(pb.TensorProto_FLOAT, 1, 3, 8, 8)
	if err != nil {
		return err
	}
	defer x.Close()
	if err := s.Bind("x", x); err != nil {
		return err
	}
	return s.Evaluate(func(Info, []byte) error { return nil })
}
