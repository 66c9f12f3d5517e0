package similar

import "math/bits"

// blocks is the number of blocks in a row of a signature.
const blocks = 8

// A signature has a bit for each pair of blocks that are neighbours in a row, and in a column: whether the second is
// brighter.
type signature [2]uint64

func (s signature) distance(t signature) int {
	return bits.OnesCount64(s[0]^t[0]) + bits.OnesCount64(s[1]^t[1])
}

// parts lists what a cut may leave of an image, in steps of a twentieth.
var parts = func() (out []box) {
	var intervals [][2]float32
	for _, twentieths := range []int{20, 18, 16} {
		for at := range 20 - twentieths + 1 {
			intervals = append(intervals, [2]float32{float32(at) / 20, float32(at+twentieths) / 20})
		}
	}
	for _, y := range intervals {
		for _, x := range intervals {
			out = append(out, box{x[0], y[0], x[1], y[1]})
		}
	}
	return out
}()

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
