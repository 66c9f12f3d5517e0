package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/internal/runfiles"
	"fovea/onnx/pb"
	"fovea/onnx/weights"
)

// sample is a checkpoint whose every byte tells n.
func sample(n int) Checkpoint {
	fill := bytes.Repeat([]byte{byte(n)}, 64<<10)
	tensor := func(name string) weights.Tensor {
		return weights.Tensor{Name: name, Type: pb.TensorProto_FLOAT, Shape: []int64{128, 128}, Data: fill}
	}
	return Checkpoint{
		Parameters: []weights.Tensor{tensor("a"), tensor("b")},
		Optimizer:  []weights.Tensor{tensor("a.exp_avg"), tensor("a.exp_avg_sq"), tensor("b.exp_avg")},
		State:      json.RawMessage(fmt.Sprintf(`{"step": %d, "note": "a < b & \u00e9"}`, n)),
	}
}

// number returns the n of a sample that was read, and an error when it is a mixture.
func number(c *Checkpoint) (int, error) {
	var state struct {
		Step int
		Note string
	}
	if err := json.Unmarshal(c.State, &state); err != nil {
		return 0, err
	}
	if len(c.Parameters) != 2 || len(c.Optimizer) != 3 || state.Note != "a < b & é" {
		return 0, fmt.Errorf("%d parameters, %d moments, note %q", len(c.Parameters), len(c.Optimizer), state.Note)
	}
	for _, x := range append(c.Parameters[:2:2], c.Optimizer...) {
		if bytes.Count(x.Data, []byte{byte(state.Step)}) != 64<<10 {
			return 0, fmt.Errorf("%s is not of step %d", x.Name, state.Step)
		}
	}
	return state.Step, nil
}

func readNumber(t *testing.T, dir string) int {
	t.Helper()
	c, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n, err := number(c)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// listing returns the names in a folder.
func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return strings.Join(list, " ")
}

var swaps = map[string]func(fresh, dir, old string) error{"exchange": swap, "renaming": swapByRenaming}

func TestWriteRead(t *testing.T) {
	for name, swap := range swaps {
		dir := filepath.Join(t.TempDir(), "checkpoints", "last")
		for n := range 4 {
			if err := write(dir, sample(n), swap); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got := readNumber(t, dir); got != n {
				t.Errorf("%s: read %d, want %d", name, got, n)
			}
		}
		if got := listing(t, filepath.Dir(dir)); got != "last" {
			t.Errorf("%s: beside the checkpoint is %s", name, got)
		}
		if got := listing(t, dir); got != "model.safetensors optimizer.safetensors state.json" {
			t.Errorf("%s: the checkpoint is %s", name, got)
		}
	}
}

// A checkpoint that was read stays readable while the next is written.
func TestWriteWhatWasRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "last")
	if err := Write(dir, sample(1)); err != nil {
		t.Fatal(err)
	}
	c, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := Write(dir, sample(2)); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, *c); err != nil {
		t.Fatal(err)
	}
	if n := readNumber(t, dir); n != 1 {
		t.Errorf("read %d, want 1", n)
	}
}

// Readers see one checkpoint or another, never a mixture or nothing.
func TestReadDuringWrite(t *testing.T) {
	if testing.Short() {
		t.Skip("writes for seconds")
	}
	for name, swap := range swaps {
		dir := filepath.Join(t.TempDir(), "last")
		if err := Write(dir, sample(0)); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			var err error
			for n := 1; n < 30 && err == nil; n++ {
				err = write(dir, sample(n), swap)
			}
			done <- err
		}()
		for step, writing := 0, true; writing; {
			select {
			case err := <-done:
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				writing = false
			default:
				got := readNumber(t, dir)
				if got < step {
					t.Fatalf("%s: read %d after %d", name, got, step)
				}
				step = got
			}
		}
	}
}

func TestCopy(t *testing.T) {
	parent := t.TempDir()
	last, best := filepath.Join(parent, "last"), filepath.Join(parent, "best")
	for n := range 3 { // over nothing, then over the copy before
		if err := Write(last, sample(n)); err != nil {
			t.Fatal(err)
		}
		if err := Copy(last, best); err != nil {
			t.Fatal(err)
		}
		if err := Write(last, sample(n+10)); err != nil {
			t.Fatal(err)
		}
		if got := readNumber(t, best); got != n {
			t.Errorf("the copy is %d, want %d", got, n)
		}
	}
	err := Copy(filepath.Join(parent, "nothing"), best)
	if err == nil || !strings.Contains(err.Error(), "nothing") || readNumber(t, best) != 2 {
		t.Errorf("copying nothing: %v", err)
	}
	info, err := os.Stat(best)
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the copy's folder has mode %v, %v", info.Mode(), err)
	}
	if got := listing(t, parent); got != "best last" {
		t.Errorf("left over: %s", got)
	}
}

// The states of the folder in which a writer can be killed between two steps.
func TestLeftovers(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "last")
	if err := Write(dir, sample(1)); err != nil {
		t.Fatal(err)
	}
	leftover := filepath.Join(parent, ".last.tmp-123")
	if err := os.Mkdir(leftover, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(leftover, runfiles.CheckpointModel), []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(parent, ".last2.tmp-1"), 0o755); err != nil { // another checkpoint's
		t.Fatal(err)
	}
	old := filepath.Join(parent, ".last.old")
	if err := os.Rename(dir, old); err != nil {
		t.Fatal(err)
	}
	if n := readNumber(t, dir); n != 1 {
		t.Errorf("read %d from the folder between two renames", n)
	}
	bad := sample(2)
	bad.State = json.RawMessage("{")
	err := Write(dir, bad)
	if err == nil || !strings.Contains(err.Error(), "not valid JSON") || !strings.Contains(err.Error(), "still valid") {
		t.Errorf("a state that is no JSON: %v", err)
	}
	if n := readNumber(t, dir); n != 1 {
		t.Errorf("read %d after a failed write", n)
	}
	if err := Write(dir, sample(3)); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, parent); got != ".last2.tmp-1 last" {
		t.Errorf("left over: %s", got)
	}
}

func TestWriteRefusesOtherFolders(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.tex"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	err := Write(dir, sample(1))
	if err == nil || !strings.Contains(err.Error(), "is no checkpoint") || listing(t, dir) != "thesis.tex" {
		t.Errorf("error %v, folder %s", err, listing(t, dir))
	}
	if err := Write(t.TempDir(), sample(1)); err != nil {
		t.Errorf("an empty folder: %v", err)
	}
}
