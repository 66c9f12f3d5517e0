package jpeg

// estimated is the number of coefficients, in zigzag order, that smoothing estimates.
const estimated = 10

// isIncomplete reports whether scans of a progressive image are missing.
func (d *decoder) isIncomplete() bool {
	for _, c := range d.components {
		for _, low := range c.bits {
			if low != 0 {
				return true
			}
		}
	}
	return false
}

// canSmooth reports whether libjpeg estimates coefficients: all components have their first coefficient, and some lack
// a part of the next nine.
func (d *decoder) canSmooth() bool {
	useful := false
	for _, c := range d.components {
		if !c.hasTable || c.bits[0] < 0 {
			return false
		}
		for k := range estimated {
			if c.table[zigzag[k]] == 0 {
				return false
			}
			useful = useful || k > 0 && c.bits[k] != 0
		}
	}
	return useful
}

// A window holds the first coefficients of 5×5 blocks, numbered from 1 as in libjpeg.
type window [26]int

// smoothed returns the coefficients of block (x, y) of a component. Those of the first ten that are zero and not known
// in full are estimated from the neighbouring blocks, as in jdcoefct.c of libjpeg-turbo.
func (d *decoder) smoothed(c *component, x, y int) *[64]int16 {
	at := 64 * (y*c.across + x)
	block := [64]int16(c.coef[at : at+64])
	known := &c.bits
	if y/c.v > d.lastGood {
		known = &c.before
	}
	withoutAC := true
	for _, low := range known[1:estimated] {
		withoutAC = withoutAC && low == -1
	}
	dc := d.window(c, x, y)
	q00 := int(c.table[0])
	estimate := func(k, sum int) {
		z := zigzag[k]
		if low := known[k]; low != 0 && block[z] == 0 {
			block[z] = int16(predict(sum*q00, int(c.table[z]), int(low)))
		}
	}
	weigh := func(weights *[26]int) (sum int) {
		for i, w := range weights {
			sum += w * dc[i]
		}
		return sum
	}
	weights := weightsBesideAC[:]
	if withoutAC {
		weights = weightsWithoutAC[:]
		block[0] = int16(predict(weigh(&weights[0])*q00, q00, 0))
	}
	for k := 1; k < len(weights); k++ {
		estimate(k, weigh(&weights[k]))
	}
	return &block
}

// predict returns num / (256·q), rounded. With low above 0 the result has no more than low bits.
func predict(num, q, low int) int {
	size := (q<<7 + max(num, -num)) / (q << 8)
	if low > 0 {
		size = min(size, 1<<low-1)
	}
	if num < 0 {
		return -size
	}
	return size
}

// window returns the first coefficients of the blocks around (x, y). Those at the edges repeat, by libjpeg's count of
// rows.
func (d *decoder) window(c *component, x, y int) (w window) {
	across, down := d.ownBlocks(c)
	rows, row := c.v, y // in the row of MCUs, and in the image
	if rest := down % c.v; y/c.v == d.mcus.Y-1 && rest != 0 {
		rows, row = rest, y/c.v*rest+y%c.v
	}
	all := rows * d.mcus.Y
	move := func(ok bool, from, by int) int {
		if ok {
			return from + by
		}
		return from
	}
	above := move(row > 0, y, -1)
	below := move(row < all-1, y, 1)
	for i, at := range [...]int{move(row > 1, above, -1), above, y, below, move(row < all-2, below, 1)} {
		for j := range 5 {
			column := min(max(x+j-2, 0), across-1)
			w[1+5*i+j] = int(c.coef[64*(min(at, c.down-1)*c.across+column)])
		}
	}
	return w
}

// weightsWithoutAC and weightsBesideAC hold libjpeg's weights of a window for each coefficient in zigzag order: where no
// other coefficient of the image is known, and where some are. Index 0 of a row stands for nothing.
var (
	weightsWithoutAC = [estimated][26]int{
		{0, -2, -6, -8, -6, -2, -6, 6, 42, 6, -6, -8, 42, 152, 42, -8, -6, 6, 42, 6, -6, -2, -6, -8, -6, -2},
		{0, -1, -1, 0, 1, 1, -3, 13, 0, -13, 3, -3, 38, 0, -38, 3, -3, 13, 0, -13, 3, -1, -1, 0, 1, 1},
		{0, -1, -3, -3, -3, -1, -1, 13, 38, 13, -1, 0, 0, 0, 0, 0, 1, -13, -38, -13, 1, 1, 3, 3, 3, 1},
		{0, 0, 0, 1, 0, 0, 0, 2, 7, 2, 0, 0, -5, -14, -5, 0, 0, 2, 7, 2, 0, 0, 0, 1, 0, 0},
		{0, -1, 0, 0, 0, 1, 0, 9, 0, -9, 0, 0, 0, 0, 0, 0, 0, -9, 0, 9, 0, 1, 0, 0, 0, -1},
		{0, 0, 0, 0, 0, 0, 0, 2, -5, 2, 0, 1, 7, -14, 7, 1, 0, 2, -5, 2, 0, 0, 0, 0, 0, 0},
		{0, 0, 0, 0, 0, 0, 0, 1, 0, -1, 0, 0, 2, 0, -2, 0, 0, 1, 0, -1, 0, 0, 0, 0, 0, 0},
		{0, 0, 0, 0, 0, 0, 0, 1, -3, 1, 0, 0, 0, 0, 0, 0, 0, -1, 3, -1, 0, 0, 0, 0, 0, 0},
		{0, 0, 0, 0, 0, 0, 0, 1, 0, -1, 0, 0, -3, 0, 3, 0, 0, 1, 0, -1, 0, 0, 0, 0, 0, 0},
		{0, 0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, -1, -2, -1, 0, 0, 0, 0, 0, 0},
	}
	weightsBesideAC = [...][26]int{
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -7, 50, 0, -50, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		{0, 0, 0, -7, 0, 0, 0, 0, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0, -50, 0, 0, 0, 0, 7, 0, 0},
		{0, 0, 0, -1, 0, 0, 0, 0, 13, 0, 0, 0, 0, -24, 0, 0, 0, 0, 13, 0, 0, 0, 0, -1, 0, 0},
		{0, 0, -1, 0, 1, 0, -1, 10, 0, -10, 1, 0, 0, 0, 0, 0, 1, -10, 0, 10, -1, 0, 1, 0, -1, 0},
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 13, -24, 13, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	}
)
