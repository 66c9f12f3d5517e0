package optim

import "fovea/internal/parallel"

// Average moves dst, the exponential moving average of the parameters, towards src, their present values: dst =
// decay·dst + (1-decay)·src, rounded as timm's ModelEmaV2 rounds it. Both have the same length. workers is the number
// of goroutines; below 1 it is one for each processor.
func Average(dst, src []float32, decay float64, workers int) {
	src = src[:len(dst)]
	keep, take := float32(decay), float32(1-decay)
	parallel.Each(workers, chunks(len(dst)), func(i int) {
		s, e := i*Chunk, min((i+1)*Chunk, len(dst))
		average(dst[s:e], src[s:e], keep, take)
	})
}

// averageGo averages one range.
func averageGo(dst, src []float32, keep, take float32) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] = float32(keep*dst[i]) + float32(take*src[i])
	}
}
