//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
)

// extremes are the numbers that lengths, counts and offsets are replaced by.
var extremes = []uint64{0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 1 << 24, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 40, 1<<63 - 1, 1 << 63, 1<<64 - 1}

// damaged returns n damaged copies of a file: bits that differ, extreme numbers, and parts that are missing, double or
// zero.
func damaged(file []byte, n int, rng *rand.Rand) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		b := slices.Clone(file)
		at := rng.IntN(len(b))
		if rng.IntN(2) == 0 { // heads hold most of the structure
			at = rng.IntN(min(len(b), 256))
		}
		end := min(len(b), at+1+rng.IntN(64))
		switch i % 8 {
		case 0:
			b = b[:at]
		case 1:
			for range 1 + rng.IntN(8) {
				b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
			}
		case 2, 3, 4:
			var number [8]byte
			value := extremes[rng.IntN(len(extremes))]
			if binary.LittleEndian.PutUint64(number[:], value); i%8 == 4 {
				binary.BigEndian.PutUint64(number[:], value<<32)
			}
			copy(b[at:], number[:[]int{2, 4, 8, 4}[i%4]])
		case 5:
			b = slices.Delete(b, at, end)
		case 6:
			b = slices.Concat(b[:end], bytes.Repeat(b[at:end], 1+rng.IntN(1000)), b[end:])
		case 7:
			clear(b[at:end])
		}
		out[i] = b
	}
	return out
}

// damage adds damaged copies of a file as inputs.
func (g *generator) damage(reader, name string, file []byte, n int, args ...string) {
	for _, b := range damaged(file, n, g.rng) {
		g.file(reader, fmt.Sprintf("damage%d", len(g.inputs)), name, b, args...)
	}
}
