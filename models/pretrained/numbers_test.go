package pretrained

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"fovea/internal/numbers"
)

// TestResize compares with PyTorch's interpolate in float64.
func TestResize(t *testing.T) {
	golden := open(t, filepath.Join("testdata", "resize.safetensors"))
	read := func(name string) []float64 {
		x, ok := golden.Lookup(name)
		if !ok {
			t.Fatalf("no tensor %s", name)
		}
		out := make([]float64, len(x.Data)/8)
		for i := range out {
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(x.Data[8*i:]))
		}
		return out
	}
	for _, size := range [][2]int{{14, 16}, {14, 24}, {16, 14}, {37, 16}, {2, 3}, {4, 1}} {
		from, want := read(fmt.Sprint(size[0])), read(fmt.Sprintf("%d_%d", size[0], size[1]))
		narrow := make([]float32, len(from)) // drawn in float32: exact
		for i, v := range from {
			narrow[i] = float32(v)
		}
		got := make([]float32, len(want))
		resize(got, narrow, 1, size[0], size[1], 2)
		for i := range want {
			if diff := math.Abs(float64(got[i]) - want[i]); diff > 0x1p-24*max(1, math.Abs(want[i])) {
				t.Errorf("%v: element %d is %v, want %v", size, i, got[i], want[i])
				break
			}
		}
	}
}

// TestHalf compares all 65,536 numbers of float16 with PyTorch's, NaN as 0: the digest is what
// tools/oracle/pth_files.py prints.
func TestHalf(t *testing.T) {
	sum := sha256.New()
	for h := range 1 << 16 {
		x := numbers.FromFloat16(uint16(h))
		if x != x {
			x = 0
		}
		sum.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(x)))
	}
	const want = "faa6d965574036872b0d39a42d1f8bee361d5be92b1e718155a69556a5abacdd"
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}
