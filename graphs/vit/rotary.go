package vit

import (
	"math"

	"fovea/graphs"
)

// rotaryBase is the ratio of the longest to the shortest period, of DINOv3.
const rotaryBase = 100

// rotate turns queries and keys [2,B,Heads,tokens,D] by the positions of their patches: the pair of features i and i+D/2
// by the angle of i. Tokens that are no patches stay (DINOv3, layers/rope_position_encoding.py).
func (m model) rotate(x *graphs.Value) *graphs.Value {
	g, half := m.g, m.Width/m.Heads/2
	cos, sin := m.rotations()
	parts := g.Split(x, 4, half, half)
	a, b := parts[0], parts[1]
	return g.Concat(4, g.Sub(g.Mul(a, cos), g.Mul(b, sin)), g.Add(g.Mul(b, cos), g.Mul(a, sin)))
}

// rotations returns the cosine and the sine of each token's angles, float32 [tokens,D/2]. The first half of the angles
// belongs to the row of the patch, the second to its column. Rows and columns go from -1 to 1.
func (m model) rotations() (cos, sin *graphs.Value) {
	side, half := int(m.ImageSize/m.Patch), int(m.Width/m.Heads/2)
	n := int(m.tokens()) * half
	c, s := make([]float32, 0, n), make([]float32, 0, n)
	for range int(m.prefix()) * half {
		c, s = append(c, 1), append(s, 0)
	}
	for patch := range side * side {
		for _, at := range []int{patch / side, patch % side} {
			position := 2*(float64(at)+0.5)/float64(side) - 1
			for i := range half / 2 {
				period := math.Pow(rotaryBase, 2*float64(i)/float64(half))
				angle := 2 * math.Pi * position / period
				c, s = append(c, float32(math.Cos(angle))), append(s, float32(math.Sin(angle)))
			}
		}
	}
	return m.g.Floats(c, m.tokens(), int64(half)), m.g.Floats(s, m.tokens(), int64(half))
}
