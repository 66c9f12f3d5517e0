package randomgraphs

import "slices"

// Reductions and normalisations.

// reduce reduces some axes, or all, of a value; size is that of the result of n elements that are at most x.
func reduce(op string, axesInput int64, take func(m *maker) *tensor, size func(x, n float64) float64) generator {
	return generator{9, func(m *maker) {
		x := take(m)
		keep, all := m.chance(0.5), x.rank() == 0 || m.chance(0.2)
		var axes, shape []int64
		n := int64(1)
		for i, d := range x.shape {
			switch reduced := all || m.chance(0.4); {
			case reduced && keep:
				shape = append(shape, 1)
				fallthrough
			case reduced:
				axis := int64(i)
				if m.opset >= 11 && m.chance(0.3) {
					axis -= int64(x.rank())
				}
				axes, n = append(axes, axis), n*d
			default:
				shape = append(shape, d)
			}
		}
		if len(axes) == 0 && !all {
			m.refused = true
			return
		}
		a, inputs := attributes{"keepdims": 0}, []*tensor{x}
		if keep {
			a["keepdims"] = 1
		}
		switch {
		case all && m.chance(0.7), len(axes) == 0: // no axes are all
		case m.opset < axesInput:
			a["axes"] = axes
		default:
			inputs = append(inputs, m.ints(axes...))
		}
		m.apply(op, a, shape, size(x.size, float64(n)), inputs...)
	}}
}

func anyRank(m *maker) *tensor        { return m.take(2) }
func positives(m *maker) *tensor      { return m.positive(m.any(), 1) }
func awayFromZero(m *maker) *tensor   { return m.around(m.any(), 0.4, -1, 1) }
func apartFromEach(m *maker) *tensor  { return m.apart(m.limited(30, 1, 3)) }
func sizeOfSum(x, n float64) float64  { return x * n }
func sizeOfOne(x, _ float64) float64  { return x }
func sizeOfSums(x, n float64) float64 { return x*n + 1 }

func fewFactors(m *maker) *tensor { return m.around(m.limited(8, 1, 3), 0.2, -1, 1) }

func layerNormalization(m *maker) {
	x := m.ranked(2, 1, 4)
	axis, named := m.axis(x)
	if product(x.shape[axis:]) < 2 {
		m.refused = true
		return
	}
	inputs := []*tensor{x, m.shaped(1, x.shape[axis:]...)}
	if m.chance(0.6) {
		inputs = append(inputs, m.shaped(1, x.shape[axis:]...))
	}
	results := []*tensor{{shape: x.shape, size: 4}}
	if m.chance(0.3) { // statistics that nobody reads
		shape := slices.Clone(x.shape)
		for i := axis; i < len(shape); i++ {
			shape[i] = 1
		}
		results = append(results, oneOf(m, nil, &tensor{shape: shape}), &tensor{shape: shape})
	}
	m.applyN("LayerNormalization", attributes{"axis": named, "epsilon": 0.1}, results, inputs...)
}

func rmsNormalization(m *maker) {
	x := m.ranked(2, 1, 4)
	axis, named := m.axis(x)
	m.apply("RMSNormalization", attributes{"axis": named, "epsilon": 0.1}, x.shape, 4, x,
		m.shaped(1, x.shape[axis:]...))
}

func simplifiedLayerNormalization(m *maker) {
	x := m.ranked(2, 1, 4)
	m.apply("SimplifiedLayerNormalization", attributes{"axis": -1, "epsilon": 0.1}, x.shape, 4, x,
		m.shaped(1, x.shape[x.rank()-1]))
}

// skipped normalises the sum of two values, and of a vector if it is given.
func skipped(op string, more int) generator {
	return generator{9, func(m *maker) {
		x := m.shaped(2, m.between(1, 3), m.between(1, 3), m.between(2, 4))
		inputs := []*tensor{x, m.shaped(2, x.shape...)}
		for range 1 + m.IntN(more+1) {
			inputs = append(inputs, m.shaped(1, x.shape[2]))
		}
		m.apply(op, attributes{"epsilon": 0.1}, x.shape, 4, inputs...)
	}}
}

func instanceNormalization(m *maker) {
	x := m.image(2, m.between(1, 3))
	channels := x.shape[1]
	m.apply("InstanceNormalization", attributes{"epsilon": 0.1}, x.shape, 4, x, m.shaped(1, channels),
		m.shaped(1, channels))
}

func groupNormalization(m *maker) {
	groups := m.between(1, 2)
	x := m.image(2, groups*m.between(1, 2))
	n := groups
	if m.opset >= 21 {
		n = x.shape[1]
	}
	m.apply("GroupNormalization", attributes{"epsilon": 0.1, "num_groups": groups}, x.shape, 4, x, m.shaped(1, n),
		m.shaped(1, n))
}

func batchNormalization(m *maker) {
	x := m.image(2, m.between(1, 3))
	channels := x.shape[1]
	variance := m.positive(m.shaped(1, channels), 1)
	m.apply("BatchNormalization", attributes{"epsilon": 0.01}, x.shape, 6, x, m.shaped(1, channels),
		m.shaped(1, channels), m.shaped(1, channels), variance)
}

func meanVarianceNormalization(m *maker) {
	x := m.image(2, m.between(2, 3))
	if x.rank() != 4 {
		m.refused = true
		return
	}
	var a attributes
	if m.chance(0.5) {
		a = attributes{"axes": []int64{0, 2, 3}}
	}
	m.apply("MeanVarianceNormalization", a, x.shape, 6, m.apart(x))
}

func lpNormalization(m *maker) {
	x := m.around(m.ranked(1, 1, 3), 0.3, -1, 1)
	_, named := m.axis(x)
	m.apply("LpNormalization", attributes{"axis": named, "p": m.between(1, 2)}, x.shape, 1, x)
}

func lrn(m *maker) {
	x := m.image(2, m.between(1, 4))
	if x.rank() != 4 {
		m.refused = true
		return
	}
	m.apply("LRN", attributes{"size": 2*m.IntN(2) + 1, "alpha": 0.5, "beta": 0.6, "bias": 1.2}, x.shape, x.size, x)
}
