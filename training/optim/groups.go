package optim

import "math"

// Decay sets the learning rate and the weight decay of each parameter of a model, relative to the schedule (RETFound
// util/lr_decay.py, after BEiT).
type Decay struct {
	// Layer is the factor between the learning rates of neighbouring layers, 0.65 in RETFound; 1 gives every layer the
	// same rate. That of the highest layer, the head's, is the schedule's.
	Layer float64
	// Weight is the weight decay of the parameters that it applies to.
	Weight float64
}

// lrScale returns Layer to the power of the number of layers above the parameter. It is 1 for the head, which is the
// highest layer.
func (d Decay) lrScale(t Tensor, highest int) float64 {
	return math.Pow(d.Layer, float64(highest-t.Layer))
}

// weightDecay returns the weight decay of a parameter.
func (d Decay) weightDecay(t Tensor) float64 {
	if t.Decay {
		return d.Weight
	}
	return 0
}

// A Group is a range of an arena, elements Start to End-1, whose parameters share a learning-rate scale and a weight
// decay. It starts and ends at multiples of 16 and includes the zeros between its parameters.
type Group struct {
	Start, End           int
	LRScale, WeightDecay float64
}

// Within returns the parts of groups that lie in a range of their arena, counted from its start.
func Within(groups []Group, start, end int) []Group {
	var parts []Group
	for _, g := range groups {
		g.Start, g.End = max(g.Start, start)-start, min(g.End, end)-start
		if g.Start < g.End {
			parts = append(parts, g)
		}
	}
	return parts
}

// Groups returns the ranges that cover the parameters that are not frozen, in order. Each is as long as the values of
// its neighbours allow.
func (l Layout) Groups() []Group {
	var groups []Group
	for _, p := range l.Params {
		if p.Frozen {
			continue
		}
		end := alignUp(p.Offset + p.Size)
		if n := len(groups); n > 0 && groups[n-1].End == p.Offset && groups[n-1].LRScale == p.LRScale &&
			groups[n-1].WeightDecay == p.WeightDecay {
			groups[n-1].End = end
			continue
		}
		groups = append(groups, Group{p.Offset, end, p.LRScale, p.WeightDecay})
	}
	return groups
}
