package data

import "math/rand/v2"

// permutationStream is the stream of an epoch's permutation. The streams of its samples are their indices.
const permutationStream = ^uint64(0)

// streamsOf returns the stream of random numbers for each place of an order of n samples. It is the sample's index; for
// a sample that an epoch repeats, the number of its earlier places is added in the upper half, so that it is not
// augmented the same way again.
func streamsOf(order []int, n int) []uint64 {
	streams, before := make([]uint64, len(order)), make([]uint64, n)
	for i, index := range order {
		streams[i] = before[index]<<32 | uint64(index)
		before[index]++
	}
	return streams
}

// seedSource seeds src from (seed, epoch, stream). Each word is hashed, so that generators of neighbouring arguments
// are unrelated: PCG itself starts where its seed says.
func seedSource(src *rand.PCG, seed, epoch, stream uint64) {
	h := mix64(seed)
	h = mix64(h ^ epoch)
	h = mix64(h ^ stream)
	src.Seed(h, mix64(h))
}

// mix64 returns the output of SplitMix64 (Steele, Lea and Flood, 2014) for the state that follows x. It is a bijection
// that spreads every bit.
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

// uniform draws a number from [low, high).
func uniform(rng *rand.Rand, low, high float64) float64 {
	return low + (high-low)*rng.Float64()
}
