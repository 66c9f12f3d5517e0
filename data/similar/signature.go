package similar

import (
	"math"
	"math/bits"
)

// blocks is the number of blocks in a row of a signature.
const blocks = 8

// A signature has a bit for each pair of blocks that are neighbours in a row, and in a column: whether the second is
// brighter.
type signature [2]uint64

func (s signature) distance(t signature) int {
	return bits.OnesCount64(s[0]^t[0]) + bits.OnesCount64(s[1]^t[1])
}

// parts lists what a cut may leave of an image, by its edges in twentieths: nine clusters of nine parts that are near one
// another.
var parts = func() (out [9][9]box) {
	intervals := [3][3][2]float32{{{0, 18}, {0, 16}, {1, 17}}, {{0, 20}, {1, 19}, {2, 18}}, {{2, 20}, {4, 20}, {3, 19}}}
	for cluster := range out {
		for part := range out[cluster] {
			x, y := intervals[cluster%3][part%3], intervals[cluster/3][part/3]
			out[cluster][part] = box{x[0] / 20, y[0] / 20, x[1] / 20, y[1] / 20}
		}
	}
	return out
}()

// An outline holds the signatures of a print and of its parts.
type outline struct {
	whole signature
	parts [9][9]signature
	// same has the bits in which all parts of a cluster agree with the first one.
	same [9]signature
}

func (p *Print) outline() *outline {
	s := p.grey().integral()
	o := &outline{whole: s.signature(whole)}
	for c, cluster := range parts {
		o.same[c] = signature{math.MaxUint64, math.MaxUint64}
		for i, part := range cluster {
			o.parts[c][i] = s.signature(part)
			for word := range o.same[c] {
				o.same[c][word] &^= o.parts[c][i][word] ^ o.parts[c][0][word]
			}
		}
	}
	return o
}

// nearest returns the part whose signature is nearest to s, if that is nearer than most, or nil.
func (o *outline) nearest(s signature, most int) (part *box, distance int) {
	for c := range o.parts {
		same, first := &o.same[c], &o.parts[c][0]
		if bits.OnesCount64((s[0]^first[0])&same[0])+bits.OnesCount64((s[1]^first[1])&same[1]) >= most {
			continue // so are all parts of the cluster
		}
		for i := range o.parts[c] {
			if d := s.distance(o.parts[c][i]); d < most {
				part, most = &parts[c][i], d
			}
		}
	}
	return part, most
}

// An integral holds, at [y][x], the sum of the pixels above y and left of x.
type integral [Side + 1][Side + 1]float32

func (g *plane) integral() *integral {
	var s integral
	for y := range Side {
		row := float32(0)
		for x := range Side {
			row += g[y*Side+x]
			s[y+1][x+1] = s[y][x+1] + row
		}
	}
	return &s
}

// at interpolates between pixels.
func (s *integral) at(x, y float32) float32 {
	ix, iy := min(int(x), Side-1), min(int(y), Side-1)
	fx, fy := x-float32(ix), y-float32(iy)
	return (s[iy][ix]*(1-fx)+s[iy][ix+1]*fx)*(1-fy) + (s[iy+1][ix]*(1-fx)+s[iy+1][ix+1]*fx)*fy
}

// signature returns the signature of a part.
func (s *integral) signature(b box) (sig signature) {
	var corners [blocks + 1][blocks + 1]float32
	for i := range corners {
		for j := range corners[i] {
			corners[i][j] = s.at(Side*(b.x0+(b.x1-b.x0)*float32(j)/blocks), Side*(b.y0+(b.y1-b.y0)*float32(i)/blocks))
		}
	}
	block := func(i, j int) float32 {
		return corners[i+1][j+1] - corners[i+1][j] - corners[i][j+1] + corners[i][j]
	}
	bit := 0
	for i := range blocks {
		for j := range blocks - 1 {
			if block(i, j+1) > block(i, j) {
				sig[0] |= 1 << bit
			}
			if block(j+1, i) > block(j, i) {
				sig[1] |= 1 << bit
			}
			bit++
		}
	}
	return sig
}
