package similar

import "math"

// align returns the part of a that b shows, near the part that it begins with. It minimises the squares of
// b - gain·a(part) - offset by the method of Gauss and Newton.
func align(a, b *plane, part box, iterations int) box {
	const grid, farthest = 12, 0.05
	var targets [grid][grid]float32
	for i := range targets {
		for j := range targets[i] {
			targets[i][j], _, _ = b.at(whole.at((float32(j)+0.5)/grid, (float32(i)+0.5)/grid))
		}
	}
	for range iterations {
		var m [6][7]float32 // normal equations for the four sides, the gain and the offset
		for i := range grid {
			v := (float32(i) + 0.5) / grid
			for j := range grid {
				u := (float32(j) + 0.5) / grid
				value, dx, dy := a.at(part.at(u, v))
				row := [7]float32{dx * (1 - u) * Side, dx * u * Side, dy * (1 - v) * Side, dy * v * Side, value, 1, targets[i][j]}
				for k := range 6 {
					for l := k; l < 7; l++ {
						m[k][l] += row[k] * row[l]
					}
				}
			}
		}
		x := solve(&m)
		gain := x[4]
		if !(gain > 0.1) {
			break
		}
		step := func(v float64) float32 { return float32(min(max(v/gain, -farthest), farthest)) }
		part = box{part.x0 + step(x[0]), part.y0 + step(x[2]), part.x1 + step(x[1]), part.y1 + step(x[3])}.bounded()
	}
	return part
}

// bounded keeps a part within the image, and at nearly three quarters of its width and height.
func (b box) bounded() box {
	const outside, least = 0.01, 0.72
	interval := func(from, to float32) (float32, float32) {
		from = min(max(from, -outside), 1-least)
		return from, max(min(to, 1+outside), from+least)
	}
	b.x0, b.x1 = interval(b.x0, b.x1)
	b.y0, b.y1 = interval(b.y0, b.y1)
	return b
}

// solve solves symmetric equations, of which the upper half is given, with the right side in the last column.
func solve(sums *[6][7]float32) (x [6]float64) {
	var m [6][7]float64
	for k := range 6 {
		for l := range 7 {
			m[k][l] = float64(sums[min(k, l)][max(k, l)])
		}
		m[k][k] = m[k][k]*(1+1e-4) + 1e-9
	}
	for k := range 6 {
		for i := range 6 {
			if i != k {
				f := m[i][k] / m[k][k]
				for j := k; j < 7; j++ {
					m[i][j] -= f * m[k][j]
				}
			}
		}
	}
	for k := range 6 {
		x[k] = m[k][6] / m[k][k]
	}
	return x
}

// A comparison sums up how a plane, and a smoothed copy of it, explain another.
type comparison struct{ aa, as, ss, ab, sb, bb float64 }

// add compares a part of a, and of its smoothed copy, with b, at grid×grid points. It leaves out what is nearly black or
// white, and removes the polynomial of degree 2 that fits each best.
func (c *comparison) add(a, smooth, b *plane, part box, grid int) {
	var vectors [9][]float64 // six terms of the polynomial, then a, the copy and b
	for i := range grid {
		v := (float32(i) + 0.5) / float32(grid)
		for j := range grid {
			u := (float32(j) + 0.5) / float32(grid)
			x, y := part.at(u, v)
			va, _, _ := a.at(x, y)
			vb, _, _ := b.at(whole.at(u, v))
			if min(va, vb) < 4 || max(va, vb) > 250 {
				continue
			}
			vs, _, _ := smooth.at(x, y)
			p, q := float64(2*u-1), float64(2*v-1)
			for k, value := range [9]float64{1, p, q, p * p, p * q, q * q, float64(va), float64(vs), float64(vb)} {
				vectors[k] = append(vectors[k], value)
			}
		}
	}
	if len(vectors[0]) < grid*grid/8 {
		return
	}
	for k, term := range vectors[:6] { // Gram and Schmidt
		norm := dot(term, term)
		if norm < 1e-9 {
			continue
		}
		for _, other := range vectors[k+1:] {
			f := dot(term, other) / norm
			for i := range other {
				other[i] -= f * term[i]
			}
		}
	}
	va, vs, vb := vectors[6], vectors[7], vectors[8]
	n := float64(len(va))
	c.aa += dot(va, va) / n
	c.as += dot(va, vs) / n
	c.ss += dot(vs, vs) / n
	c.ab += dot(va, vb) / n
	c.sb += dot(vs, vb) / n
	c.bb += dot(vb, vb) / n
}

// correlation returns the multiple correlation of b with a and the smoothed copy. It returns 0 for images without
// content, and for a negative.
func (c *comparison) correlation() float64 {
	const content = 1 // mean square, in levels
	det := c.aa*c.ss - c.as*c.as
	if det < 1e-9*c.aa*c.ss || c.aa < content || c.bb < content {
		return 0
	}
	fa, fs := (c.ab*c.ss-c.sb*c.as)/det, (c.sb*c.aa-c.ab*c.as)/det
	if c.ab <= 0 {
		return 0
	}
	return math.Sqrt(max(0, (fa*c.ab+fs*c.sb)/c.bb))
}

func dot(a, b []float64) (sum float64) {
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}
