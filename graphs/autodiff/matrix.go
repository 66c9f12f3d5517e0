package autodiff

import "fovea/graphs"

// Functions of square matrices, and distances.

func init() {
	register(map[string]Rule{"Det": det, "com.microsoft.Inverse": inverse, "com.microsoft.CDist": defined(distances)})
}

// largestDet is the size of the largest matrix whose determinant is differentiated: the
// rounding errors of the recurrence grow with it.
const largestDet = 8

// det: dX = dY·adj(X)ᵀ. The adjugate is (-1)^(n-1)·M after M = I and, for k from 1 to
// n-1, M ← X·M - tr(X·M)/k·I, as Faddeev and LeVerrier found: nothing is divided by
// what may be 0.
func det(c *Call) []*graphs.Value {
	n := c.In(0).Shape[c.In(0).Rank()-1]
	if n > largestDet {
		return c.refuse("the determinant of a matrix larger than %d×%d is not supported", largestDet, largestDet)
	}
	x, eye, sign := c.Reshape(c.In(0), -1, n, n), c.Reshape(c.units(n), 1, n, n), 1.
	m := eye
	for k := int64(1); k < n; k++ {
		p := c.MatMul(x, m, graphs.NoTrans)
		trace := c.ReduceSum(c.Mul(p, eye), true, 1, 2)
		m = c.Sub(p, c.Mul(c.Scale(trace, 1/float64(k)), eye))
		sign = -sign
	}
	return one(c.Reshape(c.Mul(c.Reshape(c.Scale(c.Grad(0), sign), -1, 1, 1), c.Transpose(m, 0, 2, 1)), c.In(0).Shape...))
}

// inverse: dX = -Yᵀ·dY·Yᵀ.
func inverse(c *Call) []*graphs.Value {
	y := c.Out(0)
	return one(c.MatMul(c.ScaledMatMul(-1, y, c.Grad(0), graphs.TransA), y, graphs.TransB))
}

// distances between each of the rows of one matrix and each of another's.
func distances(c *Call) []*graphs.Value {
	a, b := c.In(0), c.In(1)
	between := c.Sub(c.Reshape(a, a.Shape[0], 1, -1), c.Reshape(b, 1, b.Shape[0], -1))
	y := c.ReduceSum(c.Mul(between, between), false, 2)
	if c.node.Attributes["metric"] == "euclidean" {
		y = c.Sqrt(y)
	}
	return one(y)
}
