package worker

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"reflect"
	"testing"
)

var mini = Model{Size: 28, Patch: 7, Width: 32, Depth: 2, Heads: 2, Batch: 2}

// TestServe proves that Fovea's side answers each request in turn, an impossible job with an error.
func TestServe(t *testing.T) {
	job := Job{Model: mini, Device: "cpu", Precision: "fp32", Threads: 1, LayerDecay: 0.65, Count: 2}
	missing := job
	missing.Batches = filepath.Join(t.TempDir(), "missing")
	var in, out bytes.Buffer
	requests := json.NewEncoder(&in)
	for _, r := range []any{missing, job, Steps(3, 1e-3), Request{Memory: true}} {
		if err := requests.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := Serve(t.Context(), &in, &out); err != nil {
		t.Fatal(err)
	}
	answers := json.NewDecoder(&out)
	var refused failure
	var opened, steps, memory Answer
	for _, a := range []any{&refused, &opened, &steps, &memory} {
		if err := answers.Decode(a); err != nil {
			t.Fatal(err)
		}
	}
	if refused.Error == "" {
		t.Error("batches that are missing are no error")
	}
	if len(steps.Losses) != 3 || steps.Losses[0] <= 0 || steps.Seconds <= 0 {
		t.Errorf("3 steps: %+v", steps)
	}
	if memory.Arenas <= 0 {
		t.Errorf("memory: %+v", memory)
	}
}

// TestBatches proves that batches are read as they were written.
func TestBatches(t *testing.T) {
	path, want := filepath.Join(t.TempDir(), "batches"), Noise(mini, 3)
	if err := want.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := readBatches(path, mini, 3)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("other batches are read, error %v", err)
	}
	if _, err := readBatches(path, mini, 4); err == nil {
		t.Error("a file that is too short is no error")
	}
}
