package optim

import "fmt"

// alignment of each parameter in an arena, in elements: 64 bytes, a cache line and the widest vector register.
const alignment = 16

// Tensor is a parameter of a model.
type Tensor struct {
	Name  string
	Shape []int64
	Layer int  // the head's is the highest
	Decay bool // weight decay applies
}

// Param is a parameter's place in an arena and how the optimizer treats it.
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

// View returns the parameter's elements in an arena. They share memory with the arena.
func (p Param) View(arena []float32) []float32 {
	end := p.Offset + p.Size
	return arena[p.Offset:end:end]
}

// Layout places parameters in an arena, in the order given to [NewLayout]. The up to 15 elements between the end of a
// parameter and the start of the next are zero in every arena, and every function of this package leaves them zero.
type Layout struct {
	Params []Param
	// Size is the number of elements of an arena, a multiple of 16.
	Size int

	index map[string]int
}

// NewLayout places tensors one after another and assigns each its learning-rate scale and weight decay. It fails if a
// name is empty or occurs twice, or if a dimension is not positive.
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

// TrainedFrom returns the offset of the first parameter that is not frozen, Size if all are: passes over the gradients
// begin there.
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

func alignUp(n int) int {
	return (n + alignment - 1) &^ (alignment - 1)
}
