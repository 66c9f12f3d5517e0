package numbers_test

import (
	"math"
	"slices"
	"testing"

	"fovea/internal/numbers"
)

// TestBytes: the bytes of 1.5 and -2 are those that IEEE 754 gives, least significant first.
func TestBytes(t *testing.T) {
	x := []float32{1.5, -2}
	want := []byte{0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0}
	if got := numbers.Encode(x); !slices.Equal(got, want) {
		t.Errorf("encoded as %x, want %x", got, want)
	}
	if got := numbers.Bytes(x); !slices.Equal(got, want) {
		t.Errorf("%x in memory, want %x", got, want)
	}
	if got := numbers.View[float32](numbers.Bytes(x)); !slices.Equal(got, x) || &got[0] != &x[0] {
		t.Errorf("a view of the bytes of %v is %v", x, got)
	}
	if got := numbers.Decode[float32](append([]byte{9}, want...)[1:]); !slices.Equal(got, x) {
		t.Errorf("decoded, not aligned, as %v, want %v", got, x)
	}
	if got := numbers.Decode[int64]([]byte{0xfe, 255, 255, 255, 255, 255, 255, 255, 7}); !slices.Equal(got, []int64{-2}) {
		t.Errorf("decoded as %v, want [-2]", got)
	}
	if got := numbers.Bytes([]int64(nil)); len(got) != 0 {
		t.Errorf("nothing has the bytes %x", got)
	}
}

// TestHalfIsItsOwnInverse: every 16 bits that are not a NaN come back; the numbers themselves are compared with
// PyTorch in models/pretrained and with ONNX Runtime in graphs.
func TestHalfIsItsOwnInverse(t *testing.T) {
	for i := range 1 << 16 {
		bits := uint16(i)
		if x := numbers.FromFloat16(bits); x == x && numbers.ToFloat16(float64(x)) != bits {
			t.Fatalf("float16 %04x is %g, which is %04x", bits, x, numbers.ToFloat16(float64(x)))
		}
		if x := numbers.FromBFloat16(bits); x == x && numbers.ToBFloat16(x) != bits {
			t.Fatalf("bfloat16 %04x is %g, which is %04x", bits, x, numbers.ToBFloat16(x))
		}
	}
	nan := math.NaN()
	if x := numbers.FromFloat16(numbers.ToFloat16(nan)); x == x {
		t.Errorf("a NaN in float16 is %g", x)
	}
	if x := numbers.FromBFloat16(numbers.ToBFloat16(float32(nan))); x == x {
		t.Errorf("a NaN in bfloat16 is %g", x)
	}
}
