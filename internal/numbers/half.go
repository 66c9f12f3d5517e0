package numbers

import "math"

// ToFloat16 returns the bits of the IEEE 754 binary16 number nearest to x, of two the one with an even last bit.
// What lies beyond the largest, 65504, becomes infinite. A NaN stays one.
func ToFloat16(x float64) uint16 {
	const smallest = 0x1p-24 // the step between numbers below 2^-14
	var sign uint16
	if math.Signbit(x) {
		sign = 1 << 15
	}
	size := math.Abs(x)
	switch {
	case x != x:
		return sign | 0x7e00
	case size >= 65520: // halfway to the next power of two
		return sign | 0x7c00
	case size < 0x1p-14:
		return sign | uint16(math.RoundToEven(size/smallest))
	}
	fraction, exponent := math.Frexp(size) // fraction in [½, 1)
	// A fraction that is rounded up to 1 carries into the exponent.
	return sign | (uint16(exponent+13)<<10 + uint16(math.RoundToEven(fraction*(1<<11))))
}

// FromFloat16 returns the number that the bits of an IEEE 754 binary16 stand for.
func FromFloat16(bits uint16) float32 {
	sign, exponent, fraction := uint32(bits>>15)<<31, uint32(bits>>10&0x1f), uint32(bits&0x3ff)
	switch exponent {
	case 0: // zero, or subnormal: a multiple of 2^-24, which float32 holds
		return math.Float32frombits(math.Float32bits(float32(fraction)*0x1p-24) | sign)
	case 0x1f: // an infinity, or a NaN
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}

// ToBFloat16 returns the bits of the bfloat16 number nearest to x, of two the one with an even last bit. A bfloat16
// is the upper half of a float32.
func ToBFloat16(x float32) uint16 {
	b := math.Float32bits(x)
	if x != x {
		return uint16(b>>16) | 1<<6 // stays a NaN without its lower half
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// FromBFloat16 returns the number that the bits of a bfloat16 stand for.
func FromBFloat16(bits uint16) float32 { return math.Float32frombits(uint32(bits) << 16) }
