package training_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"fovea/training"
)

// stepsOf returns the steps at which the event files of a run hold a tag.
func stepsOf(t *testing.T, folder, tag string) (steps []uint64) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "tensorboard", "events.*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for len(content) > 0 { // records of length, checksum, event, checksum
			n := binary.LittleEndian.Uint64(content)
			event := content[12 : 12+n]
			content = content[16+n:]
			if !bytes.Contains(event, append(protowire.AppendVarint(nil, uint64(len(tag))), tag...)) {
				continue
			}
			step := uint64(0)
			if number, _, head := protowire.ConsumeTag(event[9:]); number == 2 { // behind the time
				step, _ = protowire.ConsumeVarint(event[9+head:])
			}
			steps = append(steps, step)
		}
	}
	return steps
}

// TestAxisOfValidation: RETFound's code writes an epoch's metrics at its number, a step's loss at 1000 × epochs.
func TestAxisOfValidation(t *testing.T) {
	dir := fundus(t) // 45 images, 4 steps of 2 batches of 5 images an epoch
	for axis, want := range map[string][]uint64{"epoch_1000x": {1000, 2000, 3000}, "epoch": {0, 1, 2}} {
		c := small(t, dir)
		c.Evaluation.Axis = axis
		r := run(t, c, training.Options{})
		for _, tag := range []string{"loss/val", "perf/score"} {
			if got := stepsOf(t, r.Folder, tag); !slices.Equal(got, want) {
				t.Errorf("%s: %s is at %v, want %v", axis, tag, got, want)
			}
		}
		if got := stepsOf(t, r.Folder, "loss/train"); !slices.Equal(got[:5], []uint64{0, 222, 444, 666, 1000}) {
			t.Errorf("%s: loss/train is at %v", axis, got)
		}
	}
}
