package pixels

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"os"
	"testing"
	"time"
)

// TestReserve: an image waits until there is memory for it. One that would never get it is an error at once.
func TestReserve(t *testing.T) {
	defer SetLimit(0)
	SetLimit(100 * 100)
	encode := func(w, h int) []byte {
		var b bytes.Buffer
		if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, w, h))); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	half := encode(100, 80)
	first, err := Reserve(half)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Reserve(half)
	if err != nil {
		t.Fatal(err)
	}
	third := make(chan func())
	go func() {
		release, err := Reserve(half)
		if err != nil {
			t.Error(err)
		}
		third <- release
	}()
	select {
	case <-third:
		t.Error("three images are decoded in the memory of two")
	case <-time.After(20 * time.Millisecond):
	}
	first()
	(<-third)()
	second()
	if _, err := Reserve(encode(101, 100)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too many pixels: %v", err)
	}
	wide, err := os.ReadFile("testdata/kinds/rgba16.png")
	if err != nil {
		t.Fatal(err)
	}
	SetLimit(24 * 17)
	if _, err := Reserve(wide); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too many bytes: %v", err)
	}
	if _, _, err := Decode(wide, Options{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too many bytes: %v", err)
	}
}
