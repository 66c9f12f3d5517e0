package autodiff

import (
	"maps"
	"slices"

	"fovea/graphs"
)

// matMul: Y = α·A·B. Operands that are vectors, and many rows times one matrix, are products of two matrices.
func matMul(c *Call) []*value {
	a, b := c.In(0), c.In(1)
	switch {
	case a.Rank() == 1 || b.Rank() == 1:
		return byDefinition(vectorProduct)(c)
	case a.Rank() > 2 && b.Rank() == 2 && c.Int("transA", 0) == 0:
		return byDefinition(rowsProduct)(c)
	}
	return matrixProduct(c)
}

// matrixProduct: Y = α·A·B, so dA = α·dY·Bᵀ and dB = α·Aᵀ·dY. Each is written without a separate transposition,
// whatever is transposed in Y.
func matrixProduct(c *Call) []*value {
	a, b, dy, alpha := c.In(0), c.In(1), c.Grad(0), c.node.Attributes.Float("alpha", 1)
	mul := func(x, y *value, t graphs.Transposition) *value { return c.ScaledMatMul(alpha, x, y, t) }
	transA, transB := c.Int("transA", 0) == 1, c.Int("transB", 0) == 1
	switch {
	case transA && transB:
		return []*value{mul(b, dy, graphs.TransA|graphs.TransB), mul(dy, a, graphs.TransA|graphs.TransB)}
	case transA:
		return []*value{mul(b, dy, graphs.TransB), mul(a, dy, graphs.NoTrans)}
	case transB:
		return []*value{mul(dy, b, graphs.NoTrans), mul(dy, a, graphs.TransA)}
	}
	return []*value{mul(dy, b, graphs.TransB), mul(a, dy, graphs.TransA)}
}

// vectorProduct makes a row of a vector on the left and a column of one on the right.
func vectorProduct(c *Call) []*value {
	a, b, shape := c.In(0), c.In(1), c.Out(0).Shape
	if a.Rank() == 1 {
		a = c.Reshape(a, 1, a.Len())
	}
	if b.Rank() == 1 {
		b = c.Reshape(b, b.Len(), 1)
	}
	return []*value{c.Reshape(c.MatMul(a, b, graphs.NoTrans), shape...)}
}

// rowsProduct multiplies all rows at once, so that dB is one product and not a sum of many.
func rowsProduct(c *Call) []*value {
	a := c.In(0)
	rows := c.Reshape(a, -1, a.Shape[a.Rank()-1])
	t := graphs.Transposition(2 * c.Int("transB", 0))
	y := c.ScaledMatMul(c.node.Attributes.Float("alpha", 1), rows, c.In(1), t)
	return []*value{c.Reshape(y, c.Out(0).Shape...)}
}

// gemm: Y = α·A·B + β·C.
func gemm(c *Call) []*value { return append(matMul(c), c.Scale(c.Grad(0), c.Float("beta", 1))) }

// fusedMatMul: with transBatchA or transBatchB the rows of an operand come before its batch.
func fusedMatMul(c *Call) []*value {
	names := []string{"transBatchA", "transBatchB"}
	if c.Int(names[0], 0) == 0 && c.Int(names[1], 0) == 0 {
		return matMul(c)
	}
	return byDefinition(func(c *Call) []*value {
		operands, a := slices.Clone(c.node.Inputs), maps.Clone(c.node.Attributes)
		for i, x := range operands {
			if last := x.Rank() - 1; c.Int(names[i], 0) != 0 {
				operands[i] = c.Transpose(x, slices.Concat(span(1, last), []int64{0, int64(last)})...)
			}
			delete(a, names[i])
		}
		return c.ApplyN(1, graphs.Microsoft, "FusedMatMul", a, operands...)
	})(c)
}

// det: dX = dY·adj(X)ᵀ. The adjugate is (-1)^(n-1)·M after M = I and, for k from 1 to n-1, M ← X·M - tr(X·M)/k·I, as
// Faddeev and LeVerrier found. Nothing is divided by a number that may be 0.
func det(c *Call) []*value {
	const largest = 8 // the rounding errors of the recurrence grow with the size
	n := c.In(0).Shape[c.In(0).Rank()-1]
	if n > largest {
		return c.refuse("the determinant of a matrix larger than %d×%d is not supported", largest, largest)
	}
	x, eye, sign := c.Reshape(c.In(0), -1, n, n), c.Reshape(c.identity(n), 1, n, n), 1.
	m := eye
	for k := int64(1); k < n; k++ {
		p := c.MatMul(x, m, graphs.NoTrans)
		trace := c.ReduceSum(c.Mul(p, eye), true, 1, 2)
		m = c.Sub(p, c.Mul(c.Scale(trace, 1/float64(k)), eye))
		sign = -sign
	}
	dy := c.Reshape(c.Scale(c.Grad(0), sign), -1, 1, 1)
	return []*value{c.Reshape(c.Mul(dy, c.Transpose(m, 0, 2, 1)), c.In(0).Shape...)}
}

// distances returns, for each row of one matrix and each row of another, how far they lie apart, [rows,rows]. The
// distance is squared unless metric is euclidean.
func distances(c *Call) []*value {
	a, b := c.In(0), c.In(1)
	between := c.Sub(c.Reshape(a, a.Shape[0], 1, -1), c.Reshape(b, 1, b.Shape[0], -1))
	y := c.ReduceSum(c.square(between), false, 2)
	if c.node.Attributes["metric"] == "euclidean" {
		y = c.root(y)
	}
	return []*value{y}
}
