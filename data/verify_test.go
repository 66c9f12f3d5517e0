package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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
