package data

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mathext/prng"
)

// An Order returns the samples of an epoch in their order, as positions in LoaderConfig.Samples. It returns as many as
// there are samples. The result depends on the epoch alone, so that a run can resume anywhere.
type Order func(epoch int) []int

// Balanced returns an order that draws n samples with replacement, where n is their number. Every class that has a
// sample is equally likely, as with PyTorch's WeightedRandomSampler and weights 1/N_class.
func Balanced(samples []Sample, seed uint64) Order {
	classes := byClass(samples)
	classes = slices.DeleteFunc(classes, func(c []int) bool { return len(c) == 0 })
	return func(epoch int) []int {
		var src rand.PCG
		seedSource(&src, seed, uint64(epoch), permutationStream)
		rng := rand.New(&src)
		order := make([]int, len(samples))
		for i := range order {
			class := classes[rng.IntN(len(classes))]
			order[i] = class[rng.IntN(len(class))]
		}
		return order
	}
}

// Distributed returns the order in which PyTorch's DistributedSampler visits n samples in one process: torch.randperm
// by a generator that is seeded with the sampler's own seed, 0, plus the epoch. With fixed, every epoch has the order
// of the first, as when set_epoch is never called: RETFound calls it only under torchrun.
func Distributed(n int, fixed bool) Order {
	return func(epoch int) []int {
		if fixed {
			epoch = 0
		}
		return newTorch(uint64(epoch)).permutation(n)
	}
}

// torch behaves as a torch.Generator of the CPU.
type torch struct{ *prng.MT19937 }

// newTorch returns a generator after manual_seed(seed).
func newTorch(seed uint64) torch {
	t := torch{prng.NewMT19937()}
	t.Seed(seed)
	return t
}

// permutation returns torch.randperm(n) for n below 2³²/20 (randperm_cpu in ATen's TensorFactories.cpp): each place
// swaps with itself or one behind it.
func (t torch) permutation(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	for i := range n - 1 {
		j := i + int(t.Uint32()%uint32(n-i))
		p[i], p[j] = p[j], p[i]
	}
	return p
}

// SubsetConfig says which samples Subset keeps.
type SubsetConfig struct {
	Ratio      float64 // fraction that is kept, in (0, 1]
	Stratified bool    // take the fraction of each class, at least one sample
	Seed       uint64
	Torch      bool // draw and order with PyTorch's generator, as RETFound does
}

// Subset returns a random part of the samples, at least one: floor(n·ratio) of n samples, or round(n·ratio), half to
// even, of each class (build_dataset in RETFound's util/datasets.py).
func Subset(samples []Sample, c SubsetConfig) []Sample {
	if c.Ratio >= 1 {
		return samples
	}
	permute := func(seed uint64) func(n int) []int {
		if c.Torch {
			return newTorch(seed).permutation
		}
		var src rand.PCG
		seedSource(&src, seed, permutationStream, permutationStream)
		return rand.New(&src).Perm
	}
	first := permute(c.Seed)
	var kept []int
	if c.Stratified {
		for _, class := range byClass(samples) {
			if len(class) == 0 {
				continue
			}
			n := max(1, int(math.RoundToEven(float64(len(class))*c.Ratio)))
			for _, i := range first(len(class))[:n] {
				kept = append(kept, class[i])
			}
		}
		shuffled := make([]int, len(kept))
		for i, j := range permute(c.Seed + 1)(len(kept)) {
			shuffled[i] = kept[j]
		}
		kept = shuffled
	} else {
		kept = first(len(samples))[:max(1, int(float64(len(samples))*c.Ratio))]
	}
	out := make([]Sample, len(kept))
	for i, j := range kept {
		out[i] = samples[j]
	}
	return out
}

// byClass returns the positions of each class's samples.
func byClass(samples []Sample) [][]int {
	var classes [][]int
	for i, s := range samples {
		for s.Class >= len(classes) {
			classes = append(classes, nil)
		}
		classes[s.Class] = append(classes[s.Class], i)
	}
	return classes
}
