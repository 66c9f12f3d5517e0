// Package optim updates parameters: AdamW as PyTorch defines it, layer-wise learning-rate decay, gradient clipping,
// gradient accumulation, the moving average of the parameters, and the warm-up and cosine schedule of RETFound.
//
// It works on arenas. An arena is one flat []float32 that holds every parameter, every gradient, every first moment or
// every second moment of a model; the four have one [Layout], so element i of each belongs to the same weight. A step,
// a norm or a sum of gradients is then one pass over flat memory, and parameters that share a learning rate and a
// weight decay are ranges ([Group]). The package allocates no arena and keeps none: the caller owns the memory, which
// may lie outside the Go heap.
//
// One optimizer step, after the gradients of the step's micro-batches lie in grads:
//
//	norm := optim.Norm(grads, workers) * scale // scale = 1 / (loss scale × micro-batches)
//	if math.IsInf(norm, 0) || math.IsNaN(norm) {
//		// skip the step
//	}
//	scale *= optim.ClipScale(norm, maxNorm)
//	adamw.Step(step, schedule.Rate(epoch), scale, groups, params, grads, m, v, workers)
//
// Step, Norm, Add and Average give the same bits for any number of workers, with and without AVX2. The assembly does
// the operations of the Go code in the same order, without fused multiply-adds that would round differently.
package optim
