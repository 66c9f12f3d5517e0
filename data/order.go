package data

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mathext/prng"
)

// An Order tells which samples an epoch has and in which order, as positions in LoaderConfig.Samples. It gives each
// epoch as many samples as there are, whatever was asked before, so that a run resumes anywhere.
type Order func(epoch int) []int

// Balanced draws n samples with replacement, n their number, every class that has one equally likely (PyTorch's
// WeightedRandomSampler with weights 1/N_class).
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

// Distributed is the order of n samples of PyTorch's DistributedSampler in one process: torch.randperm by a generator
// seeded with its own seed, 0, plus the epoch. Where set_epoch is never called, as RETFound's code does not outside
// torchrun, it is fixed: every epoch has the order of the first.
func Distributed(n int, fixed bool) Order {
	return func(epoch int) []int {
		if fixed {
			epoch = 0
		}
		return newTorch(uint64(epoch)).permutation(n)
	}
}

// torch is a torch.Generator of the CPU.
type torch struct{ *prng.MT19937 }

func newTorch(seed uint64) torch {
	t := torch{prng.NewMT19937()}
	t.Seed(seed)
	return t
}

// permutation is torch.randperm(n) for n below 2³²/20 (randperm_cpu of ATen's TensorFactories.cpp): each place swaps
// with one of those from it on.
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

// SubsetConfig says which part of the samples Subset keeps.
type SubsetConfig struct {
	Ratio      float64 // share that is kept, in (0, 1]
	Stratified bool    // of each class, at least one sample, instead of all together
	Seed       uint64
	Torch      bool // draw and order as RETFound does, with PyTorch's generator
}

// Subset keeps a part of the samples at random, at least one (build_dataset in RETFound's util/datasets.py):
// floor(n·ratio) of n, or of each class round(n·ratio), half to even.
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

// byClass lists the positions of each class's samples.
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
