package optim

import "fovea/internal/parallel"

// Add adds src to dst element by element: the gradients of a micro-batch to the sum of those before it. Both have the
// same length. workers is the number of goroutines; below 1 it is one for each processor.
func Add(dst, src []float32, workers int) {
	src = src[:len(dst)]
	parallel.Each(workers, chunks(len(dst)), func(i int) {
		s, e := i*chunk, min((i+1)*chunk, len(dst))
		add(dst[s:e], src[s:e])
	})
}

// addGo adds one range.
func addGo(dst, src []float32) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] += src[i]
	}
}
