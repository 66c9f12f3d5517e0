package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestVerify(t *testing.T) {
	samples := slices.Clone(trainSamples(t, "testdata/kermany_oct_mini")[:4])
	for i, name := range []string{"text.jpg", "truncated.png", "empty.png", "no_end.jpg"} {
		samples = slices.Insert(samples, 2*i, Sample{Path: filepath.Join(golden, "broken", name)})
	}
	calls := 0
	contents, bad, err := Verify(t.Context(), samples, 3, nil, nil, func(done, total int) {
		if calls++; done != calls || total != 8 {
			t.Errorf("call %d reports %d of %d", calls, done, total)
		}
	})
	if err != nil || calls != 8 {
		t.Fatalf("%v after %d calls", err, calls)
	}
	var at []int
	for _, b := range bad {
		at = append(at, b.Index)
		if b.Sample != samples[b.Index] || b.Err == nil {
			t.Errorf("%+v", b)
		}
	}
	if !slices.Equal(at, []int{0, 2, 4, 6}) {
		t.Errorf("unreadable: %v", at)
	}
	good := Readable(samples, bad)
	if len(contents) != len(good) {
		t.Errorf("%d contents of %d images", len(contents), len(good))
	}
	if want := trainSamples(t, "testdata/kermany_oct_mini")[:4]; !slices.Equal(good, want) {
		t.Errorf("readable: %v", good)
	}

	err = fmt.Errorf("checking: %w", &Unreadable{Images: bad, Total: len(samples)})
	t.Log(err)
	for _, want := range []string{"4 of 8 images", "text.jpg", "the file is empty", "no_end.jpg"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q", want)
		}
	}
	var u *Unreadable
	if !errors.As(err, &u) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the error cannot be told")
	}
	many := &Unreadable{Images: slices.Repeat(bad, 3), Total: 20}
	if lines := strings.Split(many.Error(), "\n"); len(lines) != 12 || lines[11] != "  and 2 more" {
		t.Errorf("%q", lines)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Verify(ctx, samples, 0, nil, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context's end: %v", err)
	}
}

// TestReplacedFilesAreRefused: a file that gets the content of another of the same size and keeps its time is no longer
// the one that was verified. A cache that has no room reads it again too.
func TestReplacedFilesAreRefused(t *testing.T) {
	source := trainSamples(t, "testdata/retinamnist")[:2]
	path := filepath.Join(t.TempDir(), "a.png")
	replace := func(with Sample) {
		content, err := os.ReadFile(with.Path)
		if err != nil {
			t.Fatal(err)
		}
		content = append(content, make([]byte, 1<<16-len(content))...) // both of one size
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
	}
	full := openCache(t, t.TempDir(), 100)
	full.reserve = 1 << 62
	config := LoaderConfig{Samples: []Sample{{Path: path}}, Batch: 1, Transform: NewTrainTransform(28)}
	for _, config.Cache = range []*Cache{nil, full} {
		for _, config.Tolerant = range []bool{false, true} {
			var bad []BadImage
			var err error
			replace(source[0])
			config.Verified, bad, err = Verify(t.Context(), config.Samples, 1, config.Cache, config.Transform, nil)
			if err != nil || bad != nil {
				t.Fatal(bad, err)
			}
			for i, want := range []error{nil, ErrReplaced, nil} {
				replace(source[i%2])
				err := newLoader(t, config).Each(t.Context(), 0, func(*Batch) error { return nil })
				if !errors.Is(err, want) || err != nil && !strings.Contains(err.Error(), path) {
					t.Errorf("cache %v, tolerant %v: error is %v, want %v", config.Cache != nil, config.Tolerant, err, want)
				}
			}
		}
	}
}
