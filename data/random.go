package data

import "math/rand/v2"

// permutationStream keeps an epoch's permutation apart from its samples, whose streams are their indices.
const permutationStream = ^uint64(0)

// streamsOf gives each place of an order of n samples its stream: the sample's index, and for a sample that an epoch
// has again the count of its earlier places, so that it is not augmented the same way.
func streamsOf(order []int, n int) []uint64 {
	streams, before := make([]uint64, len(order)), make([]uint64, n)
	for i, index := range order {
		streams[i] = before[index]<<32 | uint64(index)
		before[index]++
	}
	return streams
}

// seedSource makes src the generator of (seed, epoch, stream). The generators of neighbouring arguments are unrelated:
// each word is hashed, since PCG itself starts where its seed says.
func seedSource(src *rand.PCG, seed, epoch, stream uint64) {
	h := mix64(seed)
	h = mix64(h ^ epoch)
	h = mix64(h ^ stream)
	src.Seed(h, mix64(h))
}

// mix64 is the output function of SplitMix64 (Steele, Lea and Flood, 2014) on the next state of x: a bijection that
// spreads every bit.
func mix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// permutation returns the order of n samples in an epoch.
func permutation(n int, seed, epoch uint64) []int {
	var src rand.PCG
	seedSource(&src, seed, epoch, permutationStream)
	return rand.New(&src).Perm(n)
}

func uniform(rng *rand.Rand, low, high float64) float64 {
	return low + (high-low)*rng.Float64()
}
