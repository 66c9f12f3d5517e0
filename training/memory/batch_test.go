package memory

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"fovea/onnx/cuda"
	"fovea/training/config"
)

func TestCandidatesFor(t *testing.T) {
	for _, test := range []struct {
		images, accumulate int
		mixup              float64
		least, most        int
	}{
		{100000, 1, 0, 1, 128},
		{1024, 1, 0, 1, 128},
		{1023, 1, 0, 1, 64},
		{1023, 4, 0, 1, 16},
		{516, 1, 0.8, 2, 64},
		{9, 1, 0, 1, 1},
		{3, 1, 0, 1, 1},
		{9, 1, 0.8, 2, 2},
	} {
		c := config.Defaults()
		c.Training.Accumulate, c.Augment.Mixup = test.accumulate, test.mixup
		if b := CandidatesFor(c, test.images); b.least != test.least || b.most != test.most {
			t.Errorf("%+v: from %d to %d", test, b.least, b.most)
		}
	}
}

// TestLargestFit: the result is right wherever the search begins, and no batch is tried twice.
func TestLargestFit(t *testing.T) {
	b := Candidates{least: 2, most: 64}
	for _, limit := range []int{0, 1, 2, 3, 15, 16, 63, 64, 1000} {
		want := 0
		if limit >= b.least {
			want = min(powerOfTwo(limit), b.most)
		}
		for expected := b.least; expected <= b.most; expected *= 2 {
			tried := map[int]bool{}
			got, err := largestFit(expected, b, func(batch int) (bool, error) {
				if tried[batch] || batch < b.least || batch > b.most {
					t.Errorf("limit %d, from %d: %d is tried", limit, expected, batch)
				}
				tried[batch] = true
				return batch <= limit, nil
			})
			if err != nil || got != want {
				t.Errorf("limit %d, from %d: %d, %v, want %d", limit, expected, got, err, want)
			}
		}
	}
	failed := errors.New("no such operator")
	if _, err := largestFit(4, b, func(int) (bool, error) { return false, failed }); !errors.Is(err, failed) {
		t.Errorf("error is %v", err)
	}
}

// memoryFor is memory for a number of images beside arenas of 1 GiB.
func memoryFor(images int64) Probe {
	const image = 100 << 20
	return Probe{
		Need:      func(int) (Need, error) { return Need{arenas: 1 << 30, image: image}, nil },
		Free:      func() (int64, error) { return (processMemory+1<<30+images*image)*10/9 + 10, nil },
		Recompute: "none",
	}
}

func trying(m Probe, limit int) Probe {
	m.Fits = func(batch int) (bool, error) { return batch <= limit, nil }
	return m
}

func TestChooseBatch(t *testing.T) {
	b := Candidates{1, 64, "the bound"}
	unknown := memoryFor(0)
	unknown.Free = func() (int64, error) { return 0, errors.New("nothing is known") }
	opening := memoryFor(100)
	opening.Need = func(int) (Need, error) { return Need{image: 1, opens: 2 << 30}, nil }
	for _, test := range []struct {
		name  string
		m     Probe
		batch int
		why   string
	}{
		{"by reckoning", memoryFor(33), 32, "at 32 needs about 4480 MiB, at 64 7680 MiB; 5088 MiB are free"},
		{"exactly", memoryFor(32), 32, "at 32 needs"},
		{"just not", memoryFor(31), 16, "at 16 needs"},
		{"more than the bound", memoryFor(1000), 64, "the bound"},
		{"nothing fits", memoryFor(-5), 1, "at 1 needs"},
		{"opening model.onnx needs more", opening, 4, "at 8 16640 MiB"},
		{"nothing is known", unknown, plainBatch, "nothing is known"},
		{"by trying", trying(memoryFor(33), 9), 8, "a step of 16 does not fit"},
		{"by trying, all fit", trying(memoryFor(33), 1000), 64, "the bound"},
		{"by trying from what is not known", trying(unknown, 40), 32, "a step of 64 does not fit"},
	} {
		batch, why, err := Choose(b, test.m)
		if err != nil || batch != test.batch || !strings.Contains(why, test.why) {
			t.Errorf("%s: %d because %q, %v; want %d because %q", test.name, batch, why, err, test.batch, test.why)
		}
	}
	if _, _, err := Choose(b, trying(unknown, 0)); err == nil || !strings.Contains(err.Error(), "training.recompute") {
		t.Errorf("error is %v", err)
	}
}

func TestExplain(t *testing.T) {
	failure := fmt.Errorf("running a session: %w", &cuda.OutOfMemory{Bytes: 1, Free: 2, Total: 3})
	for _, test := range []struct {
		name              string
		batch, accumulate int
		mixup             float64
		m                 Probe
		want              string
	}{
		{"by trying", 64, 2, 0, trying(memoryFor(1000), 20),
			"training.batch = 64 (112533 MiB are free without it): set training.batch = 16, " +
				`the largest power of two that fits, with training.accumulate = 8 for the same optimizer steps; or set training.recompute = "full"`},
		{"by reckoning", 64, 1, 0, memoryFor(9),
			"set training.batch = 8, the largest power of two that fits, with training.accumulate = 8"},
		{"no divisor", 24, 1, 0, trying(memoryFor(9), 20),
			"set training.batch = 16, the largest power of two that fits; or"},
		{"none", 64, 1, 0, trying(memoryFor(9), 0), "no smaller batch fits"},
		{"the least", 2, 1, 0.8, trying(memoryFor(9), 1), `free without it): set training.recompute = "full"`},
	} {
		c := config.Defaults()
		c.Training.Batch, c.Training.Accumulate, c.Augment.Mixup = test.batch, test.accumulate, test.mixup
		err := Explain(failure, c, test.m)
		if !errors.Is(err, failure) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v, want %q", test.name, err, test.want)
		}
	}
	if !OutOfMemory(failure) || OutOfMemory(nil) || OutOfMemory(errors.New("no such file")) {
		t.Error("lack of memory is not told from other failures")
	}
	if !OutOfMemory(errors.New("CUDNN failure 4004: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0")) {
		t.Error("cuDNN 9's words are not taken for lack of memory")
	}
	if !OutOfMemory(errors.New("running a session: Non-zero status code returned while running MatMul node. " +
		"Name:'' Status Message: bfc_arena.cc:359 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool) " +
		"Failed to allocate memory for requested buffer of size 1073741824")) {
		t.Error("ONNX Runtime's words are not known")
	}
}
