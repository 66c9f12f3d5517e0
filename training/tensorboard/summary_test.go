package tensorboard

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestSummaries compares settings and an image with the bytes of TensorBoard's own protocol buffers.
func TestSummaries(t *testing.T) {
	dot, err := os.ReadFile("testdata/dot.png")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/summaries.bin")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	w, err := create(dir, 0, "host", time.Unix(1_700_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	head, err := os.ReadFile(w.file.Name())
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(1_700_000_000_500)
	if err := w.HParams(map[string]string{"optimizer.lr": "0.0005", "augment.flip": "true", "model.arch": "vit κ"},
		at); err != nil {
		t.Fatal(err)
	}
	if err := w.Image("test/dot", 7, dot, at); err != nil {
		t.Fatal(err)
	}
	if err := w.Image("test/none", 7, []byte("no picture"), at); err == nil {
		t.Error("what is no PNG was written")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, filepath.Base(w.file.Name())))
	if err != nil {
		t.Fatal(err)
	}
	if got = got[len(head):]; !bytes.Equal(got, want) {
		t.Errorf("got\n%x\nTensorBoard wrote\n%x", got, want)
	}
}
