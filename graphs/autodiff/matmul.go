package autodiff

import "fovea/graphs"

func init() {
	register(map[string]Rule{"MatMul": product, "Gemm": gemm})
}

// product: Y = α·A·B, so dA = α·dY·Bᵀ and dB = α·Aᵀ·dY, each written without
// a separate transposition whatever is transposed in Y. Leading dimensions
// broadcast, which the driver undoes.
func product(c *Call) []*graphs.Value {
	a, b, dy := c.In(0), c.In(1), c.Grad(0)
	if a.Rank() == 1 || b.Rank() == 1 {
		return defined(vectorProduct)(c)
	}
	if a.Rank() > 2 && b.Rank() == 2 && c.Int("transA", 0) == 0 {
		return defined(rowsProduct)(c)
	}
	alpha := c.node.Attributes.Float("alpha", 1)
	mul := func(x, y *graphs.Value, t graphs.Transposition) *graphs.Value { return c.ScaledMatMul(alpha, x, y, t) }
	transA, transB := c.Int("transA", 0) == 1, c.Int("transB", 0) == 1
	switch {
	case transA && transB:
		return both(mul(b, dy, graphs.TransA|graphs.TransB), mul(dy, a, graphs.TransA|graphs.TransB))
	case transA:
		return both(mul(b, dy, graphs.TransB), mul(a, dy, graphs.NoTrans))
	case transB:
		return both(mul(dy, b, graphs.NoTrans), mul(dy, a, graphs.TransA))
	default:
		return both(mul(dy, b, graphs.TransB), mul(a, dy, graphs.TransA))
	}
}

// vectorProduct: a vector is a row on the left and a column on the right.
func vectorProduct(c *Call) []*graphs.Value {
	a, b, shape := c.In(0), c.In(1), c.Out(0).Shape
	if a.Rank() == 1 {
		a = c.Reshape(a, 1, a.Len())
	}
	if b.Rank() == 1 {
		b = c.Reshape(b, b.Len(), 1)
	}
	return one(c.Reshape(c.MatMul(a, b, graphs.NoTrans), shape...))
}

// rowsProduct: of all rows at once, so that dB is one product, not a sum of many.
func rowsProduct(c *Call) []*graphs.Value {
	a := c.In(0)
	rows := c.Reshape(a, -1, a.Shape[a.Rank()-1])
	t := graphs.Transposition(2 * c.Int("transB", 0))
	return one(c.Reshape(c.ScaledMatMul(c.node.Attributes.Float("alpha", 1), rows, c.In(1), t), c.Out(0).Shape...))
}

// gemm: Y = α·A·B + β·C.
func gemm(c *Call) []*graphs.Value {
	beta := float64(c.node.Attributes.Float("beta", 1))
	return append(product(c), c.Scale(c.Grad(0), beta))
}
