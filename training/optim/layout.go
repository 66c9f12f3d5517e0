package optim

import (
	"fmt"
	"slices"
)

// alignment is the alignment of each parameter in an arena, in elements: 64 bytes, which a cache line and the widest
// vector register have.
const alignment = 16

// A Tensor describes a parameter of a model.
type Tensor struct {
	Name  string
	Shape []int64
	Layer int  // from 0 at the input; the head has the highest
	Decay bool // whether weight decay applies
}

// A Param holds the place of a parameter in an arena, and the optimizer's settings for it.
type Param struct {
	Name  string
	Shape []int64
	// Offset is the index of the first element, a multiple of 16. Size is the number of elements.
	Offset, Size int
	Layer        int
	// LRScale multiplies the scheduled learning rate; WeightDecay is decoupled (AdamW).
	LRScale, WeightDecay float64
	// Frozen parameters have no gradient and stay as they are.
	Frozen bool
}

// View returns the parameter's elements in an arena, whose memory they share.
func (p Param) View(arena []float32) []float32 {
	end := p.Offset + p.Size
	return arena[p.Offset:end:end]
}

// A Layout places parameters in an arena, in the order given to [NewLayout] unless [Layout.FrozenFirst] changes it. Up to 15 elements lie between the end of a
// parameter and the start of the next. They are zero in every arena, and every function of this package leaves them
// zero.
type Layout struct {
	Params []Param
	// Size is the number of elements of an arena, a multiple of 16.
	Size int

	index map[string]int
}

// NewLayout places tensors one after another and gives each its learning-rate scale and weight decay. It returns an
// error if a name is empty or occurs twice, or if a dimension is not positive.
func NewLayout(tensors []Tensor, decay Decay) (Layout, error) {
	l := Layout{Params: make([]Param, 0, len(tensors)), index: make(map[string]int, len(tensors))}
	highest := 0
	for _, t := range tensors {
		highest = max(highest, t.Layer)
	}
	for i, t := range tensors {
		if t.Name == "" {
			return Layout{}, fmt.Errorf("layout: parameter %d has no name", i)
		}
		if _, dup := l.index[t.Name]; dup {
			return Layout{}, fmt.Errorf("layout: parameter %q occurs twice", t.Name)
		}
		size := int64(1)
		for _, d := range t.Shape {
			if d <= 0 {
				return Layout{}, fmt.Errorf("layout: parameter %q has shape %v: every dimension must be "+
					"known and positive", t.Name, t.Shape)
			}
			size *= d
		}
		l.index[t.Name] = i
		l.Params = append(l.Params, Param{
			Name:        t.Name,
			Shape:       t.Shape,
			Offset:      l.Size,
			Size:        int(size),
			Layer:       t.Layer,
			LRScale:     decay.lrScale(t, highest),
			WeightDecay: decay.weightDecay(t),
		})
		l.Size = alignUp(l.Size + int(size))
	}
	return l, nil
}

// Freeze marks the parameters that match as frozen.
func (l Layout) Freeze(match func(Param) bool) {
	for i, p := range l.Params {
		l.Params[i].Frozen = match(p)
	}
}

// FrozenFirst places the frozen parameters in front of all others, in whose order nothing changes. Gradients and moments,
// of which only the part from TrainedFrom on is touched, then take no memory for them.
func (l *Layout) FrozenFirst() {
	l.Size = 0
	for _, frozen := range []bool{true, false} {
		for i := range l.Params {
			if p := &l.Params[i]; p.Frozen == frozen {
				p.Offset = l.Size
				l.Size = alignUp(l.Size + p.Size)
			}
		}
	}
}

// Trained returns the layout of the parameters that are not frozen, in their places.
func (l Layout) Trained() Layout {
	frozen := func(p Param) bool { return p.Frozen }
	return Layout{Params: slices.DeleteFunc(slices.Clone(l.Params), frozen), Size: l.Size}
}

// TrainedFrom returns the offset of the first parameter that is not frozen, where passes over the gradients begin. It
// returns Size if all are frozen.
func (l Layout) TrainedFrom() int {
	for _, p := range l.Params {
		if !p.Frozen {
			return p.Offset
		}
	}
	return l.Size
}

// View returns the elements of the named parameter in an arena, or nil if the layout has no such parameter.
func (l Layout) View(arena []float32, name string) []float32 {
	i, ok := l.index[name]
	if !ok {
		return nil
	}
	return l.Params[i].View(arena)
}

// alignUp returns n, rounded up to a multiple of alignment.
func alignUp(n int) int {
	return (n + alignment - 1) &^ (alignment - 1)
}
