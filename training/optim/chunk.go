package optim

// Chunk is the number of elements that a worker takes at a time: large enough that handing it out costs nothing, small
// enough that a core which others use too does not hold up the end. The result of [Norm] depends on it.
const Chunk = 1 << 16

// chunks returns the number of chunks of n elements.
func chunks(n int) int {
	return (n + Chunk - 1) / Chunk
}
