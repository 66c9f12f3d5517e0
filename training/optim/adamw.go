package optim

import (
	"math"

	"fovea/internal/parallel"
)

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter, 2019). It computes what torch.optim.AdamW computes,
// without the amsgrad variant.
type AdamW struct {
	// Beta1 and Beta2 are the decay rates of the first and second moments, in [0, 1).
	Beta1, Beta2 float64
	// Eps is added to the root of the second moment. It must be positive: the zeros between parameters would become 0/0
	// without it.
	Eps float64
}

// DefaultAdamW returns PyTorch's defaults, which RETFound uses: betas 0.9 and 0.999, eps 1e-8.
func DefaultAdamW() AdamW {
	return AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}
}

// Coefficients holds one group's constants of a step, rounded to float32 as PyTorch rounds its Python scalars. The
// assembly and the kernels for GPUs read them by field.
type Coefficients struct {
	Scale    float32 // factor of the gradient
	Decay    float32 // 1 - lr·weightDecay
	Weight1  float32 // 1 - beta1
	Beta2    float32
	Weight2  float32 // 1 - beta2
	RootBias float32 // sqrt(1 - beta2^step)
	Eps      float32
	Rate     float32 // -lr / (1 - beta1^step)
}

// Coefficients returns a group's constants of the step that [AdamW.Step] would take with the same arguments.
func (a AdamW) Coefficients(step int64, lr, scale float64, g Group) Coefficients {
	lr *= g.LRScale
	return Coefficients{
		Scale:    float32(scale),
		Decay:    float32(1 - lr*g.WeightDecay),
		Weight1:  float32(1 - a.Beta1),
		Beta2:    float32(a.Beta2),
		Weight2:  float32(1 - a.Beta2),
		RootBias: float32(math.Sqrt(1 - math.Pow(a.Beta2, float64(step)))),
		Eps:      float32(a.Eps),
		Rate:     float32(-lr / (1 - math.Pow(a.Beta1, float64(step)))),
	}
}

// Step does one update of the parameters p and of their first and second moments m and v from the gradients g, for all
// elements in groups. The four arenas have the same layout and do not overlap; g is only read.
//
// step counts from 1. lr is the scheduled learning rate, to be multiplied by each group's LRScale. Gradients are
// multiplied by scale before use: 1 / (loss scale × micro-batches) times the factor of [ClipScale]. Elements with a
// gradient or a scale that is not finite become NaN, as in PyTorch: look at [Norm] first. workers is the number of
// goroutines, which end before Step returns; below 1 it is one for each processor.
func (a AdamW) Step(step int64, lr, scale float64, groups []Group, p, g, m, v []float32, workers int) {
	type part struct{ start, end, group int }
	var parts []part
	coeffs := make([]Coefficients, len(groups))
	for i, group := range groups {
		coeffs[i] = a.Coefficients(step, lr, scale, group)
		for start := group.Start; start < group.End; start += Chunk {
			parts = append(parts, part{start, min(start+Chunk, group.End), i})
		}
	}
	parallel.Each(workers, len(parts), func(i int) {
		s, e := parts[i].start, parts[i].end
		adamw(p[s:e], g[s:e], m[s:e], v[s:e], &coeffs[parts[i].group])
	})
}

// adamwGo updates one range. The operations and their order are those of torch/optim/adam.py with
// decoupled_weight_decay, one tensor at a time. The explicit conversions keep the compiler from fusing a multiplication
// with an addition, which would round differently from the assembly.
func adamwGo(p, g, m, v []float32, c *Coefficients) {
	g, m, v = g[:len(p)], m[:len(p)], v[:len(p)]
	for i := range p {
		grad := float32(g[i] * c.Scale)
		m1 := m[i] + float32(c.Weight1*(grad-m[i]))                         // lerp_
		m2 := float32(v[i]*c.Beta2) + float32(float32(c.Weight2*grad)*grad) // mul_, addcmul_
		denom := float32(math.Sqrt(float64(m2)))/c.RootBias + c.Eps         // one rounding: exact in float64
		p[i] = float32(p[i]*c.Decay) + float32(c.Rate*m1)/denom             // mul_, addcdiv_
		m[i], v[i] = m1, m2
	}
}
