package randomgraphs

import "slices"

// How nodes come by their inputs.

// any returns a value that is there, rather a late one.
func (m *maker) any() *tensor { return m.pool[max(m.IntN(len(m.pool)), m.IntN(len(m.pool)))] }

// take returns a value whose elements are at most limit.
func (m *maker) take(limit float64) *tensor { return m.bounded(m.any(), limit) }

// bounded makes t smaller if it has to be.
func (m *maker) bounded(t *tensor, limit float64) *tensor {
	if t.size <= limit {
		return t
	}
	if squash := oneOf(m, "", "Tanh", "Sigmoid", "Sin", "Cos"); squash != "" && limit >= 1 && t.size < 8 {
		return m.apply(squash, nil, t.shape, 1, t)
	}
	return m.apply("Mul", nil, t.shape, limit, t, m.scalar(limit/t.size))
}

// ranked returns a value of a rank from low to high.
func (m *maker) ranked(limit float64, low, high int) *tensor {
	for range 4 {
		if t := m.any(); low <= t.rank() && t.rank() <= high {
			return m.bounded(t, limit)
		}
	}
	return m.shaped(limit, m.dims(low+m.IntN(high-low+1))...)
}

// shaped returns a value of a shape: one that is there, a parameter, or one that is made of another.
func (m *maker) shaped(limit float64, shape ...int64) *tensor {
	if m.chance(0.7) {
		for _, i := range m.Perm(len(m.pool)) {
			if t := m.pool[i]; slices.Equal(t.shape, shape) {
				return m.bounded(t, limit)
			}
		}
	}
	if m.chance(0.5) {
		return m.parameter(min(limit, 1), shape...)
	}
	return m.reshaped(m.take(limit), shape)
}

// reshaped brings t into a shape, whatever it takes.
func (m *maker) reshaped(t *tensor, shape []int64) *tensor {
	if slices.Equal(t.shape, shape) {
		return t
	}
	if t.len() == product(shape) && len(shape) > 0 {
		return m.apply("Reshape", nil, shape, t.size, t, m.ints(shape...))
	}
	flat := m.apply("Reshape", nil, []int64{t.len()}, t.size, t, m.ints(-1))
	return m.apply("Gather", nil, shape, t.size, flat, m.indices(t.len(), false, shape...))
}

// positive returns a value of elements from 0.4 to not much more than limit.
func (m *maker) positive(t *tensor, limit float64) *tensor {
	half := limit / 2
	switch m.IntN(4) {
	case 0:
		x := m.bounded(t, half)
		return m.apply("Add", nil, x.shape, x.size+half+0.4, x, m.scalar(half+0.4))
	case 1:
		x := m.apply("Softplus", nil, t.shape, half+0.7, m.bounded(t, half))
		return m.apply("Add", nil, x.shape, x.size+0.4, x, m.scalar(0.4))
	case 2:
		return m.apply("Exp", nil, t.shape, 2.46, m.bounded(t, 0.9))
	default:
		x := m.bounded(t, 1)
		square := m.apply("Mul", nil, x.shape, 1, x, x)
		return m.apply("Sum", nil, x.shape, 1.5, square, m.scalar(0.5))
	}
}

// around returns t, made smaller than reach, moved element by element to one of the given places: functions with kinks
// are smooth there.
func (m *maker) around(t *tensor, reach float64, places ...float64) *tensor {
	x := m.apply("Mul", nil, t.shape, reach, t, m.scalar(reach/t.size))
	var moves []float64
	for range t.len() {
		moves = append(moves, oneOf(m, places...))
	}
	to := m.constant(moves, t.shape...)
	return m.apply("Add", nil, t.shape, reach+to.size, x, to)
}

// apart returns t with elements that lie apart from each other, in an order that small steps do not change.
func (m *maker) apart(t *tensor) *tensor {
	const step = 0.25
	x := m.apply("Mul", nil, t.shape, step/4, t, m.scalar(step/4/t.size))
	var moves []float64
	for _, i := range m.Perm(int(t.len())) {
		moves = append(moves, step*(float64(i)-float64(t.len())/2))
	}
	to := m.constant(moves, t.shape...)
	return m.apply("Add", nil, t.shape, step/4+to.size, x, to)
}

// smaller returns a shape that broadcasts to the given one.
func (m *maker) smaller(shape []int64) []int64 {
	out := slices.Clone(shape)
	for i := range out {
		if m.chance(0.3) {
			out[i] = 1
		}
	}
	if m.chance(0.4) {
		out = out[m.IntN(len(out)+1):]
	}
	return out
}

// broadcast combines shapes, if they fit.
func broadcast(a, b []int64) ([]int64, bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	for i, d := range b {
		at := len(a) - len(b) + i
		if out[at] == 1 {
			out[at] = d
		} else if d != 1 && d != out[at] {
			return nil, false
		}
	}
	return out, true
}

// pair returns two values that broadcast, and the shape of both together.
func (m *maker) pair(limit float64) (a, b *tensor, shape []int64) {
	a = m.take(limit)
	if m.chance(0.1) {
		return a, a, a.shape
	}
	for range 4 {
		other := m.any()
		if shape, ok := broadcast(a.shape, other.shape); ok && product(shape) <= elements {
			return m.swapped(a, m.bounded(other, limit), shape)
		}
	}
	return m.swapped(a, m.shaped(limit, m.smaller(a.shape)...), a.shape)
}

func (m *maker) swapped(a, b *tensor, shape []int64) (*tensor, *tensor, []int64) {
	if m.chance(0.5) {
		return b, a, shape
	}
	return a, b, shape
}

// axis returns an axis of t, which has one, and how an attribute names it.
func (m *maker) axis(t *tensor) (axis int, named int64) {
	axis = m.IntN(t.rank())
	named = int64(axis)
	if m.chance(0.4) {
		named -= int64(t.rank())
	}
	return axis, named
}

// with returns a shape with another size of an axis.
func with(shape []int64, axis int, size int64) []int64 {
	out := slices.Clone(shape)
	out[axis] = size
	return out
}
