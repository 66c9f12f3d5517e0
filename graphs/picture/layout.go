package picture

import (
	"cmp"
	"slices"

	"gonum.org/v1/gonum/graph/topo"
)

// Sizes in pixels of the picture.
const (
	lineHeight = 15.0
	charWidth  = 6.7 // mean of a sans-serif font of 12 pixels
	bold       = 1.2 // width of bold letters over that of others
	padding    = 8.0
	gapAcross  = 24.0
	gapDown    = 38.0
)

// A place is where a box is drawn, or, for an edge that passes a layer by, where
// it passes: then it has no box.
type place struct {
	box           *box
	x, y          float64 // of its middle
	width, height float64
	up, down      []*place // neighbours in the layers above and below
}

// A layout is a picture in layers: the longest way from an input decides a box's
// layer. Edges lead down, from layer to layer.
type layout struct {
	layers        [][]*place
	chains        map[[2]int64][]*place // of each edge, from box to box
	width, height float64
}

// arrange follows Sugiyama: layers, then an order in each layer that avoids
// crossings, then positions that keep edges straight.
func (p *Picture) arrange() (*layout, error) {
	order, err := topo.Sort(p.graph)
	if err != nil {
		return nil, err
	}
	l := &layout{chains: map[[2]int64][]*place{}}
	level := map[int64]int{}
	for _, n := range order {
		for from := p.graph.To(n.ID()); from.Next(); {
			level[n.ID()] = max(level[n.ID()], level[from.Node().ID()]+1)
		}
	}
	for _, b := range p.boxes { // what nothing leads to stands right above its first reader
		if to := p.graph.From(b.id); p.graph.To(b.id).Len() == 0 && to.Next() {
			level[b.id] = level[to.Node().ID()] - 1
			for to.Next() {
				level[b.id] = min(level[b.id], level[to.Node().ID()]-1)
			}
		}
	}
	places := map[int64]*place{}
	for _, b := range p.boxes {
		s := &place{box: b}
		for i, line := range b.lines() {
			width := charWidth * float64(len([]rune(line)))
			if i == 0 && b.grouped {
				width *= bold
			}
			s.width = max(s.width, width+2*padding)
			s.height += lineHeight
		}
		s.height += 2*padding - 4
		places[b.id] = s
		l.put(level[b.id], s)
	}
	for _, from := range p.boxes {
		var targets []int64
		for to := p.graph.From(from.id); to.Next(); {
			targets = append(targets, to.Node().ID())
		}
		slices.Sort(targets)
		for _, to := range targets {
			chain := []*place{places[from.id]}
			for i := level[from.id] + 1; i < level[to]; i++ {
				passing := &place{width: 1}
				l.put(i, passing)
				chain = append(chain, passing)
			}
			chain = append(chain, places[to])
			for i := range len(chain) - 1 {
				chain[i].down = append(chain[i].down, chain[i+1])
				chain[i+1].up = append(chain[i+1].up, chain[i])
			}
			l.chains[[2]int64{from.id, to}] = chain
		}
	}
	l.sort()
	l.position()
	return l, nil
}

func (l *layout) put(level int, s *place) {
	for len(l.layers) <= level {
		l.layers = append(l.layers, nil)
	}
	l.layers[level] = append(l.layers[level], s)
}

func upper(s *place) []*place { return s.up }
func lower(s *place) []*place { return s.down }

// sweep visits the layers down and up again, several times.
func (l *layout) sweep(times int, visit func(layer []*place, neighbours func(*place) []*place)) {
	for range times {
		for _, layer := range l.layers {
			visit(layer, upper)
		}
		for _, layer := range slices.Backward(l.layers) {
			visit(layer, lower)
		}
	}
}

// sort orders each layer by the mean position of the neighbours. Until the end x
// is the number in the layer.
func (l *layout) sort() {
	number := func(layer []*place) {
		for i, s := range layer {
			s.x = float64(i) - float64(len(layer)-1)/2
		}
	}
	for _, layer := range l.layers {
		number(layer)
	}
	l.sweep(8, func(layer []*place, neighbours func(*place) []*place) {
		wanted := map[*place]float64{}
		for _, s := range layer {
			wanted[s] = mean(neighbours(s), s.x)
		}
		slices.SortStableFunc(layer, func(a, b *place) int { return cmp.Compare(wanted[a], wanted[b]) })
		number(layer)
	})
}

func mean(of []*place, otherwise float64) float64 {
	if len(of) == 0 {
		return otherwise
	}
	sum := 0.0
	for _, s := range of {
		sum += s.x
	}
	return sum / float64(len(of))
}

// position gives every place its coordinates, from 0 on.
func (l *layout) position() {
	for _, layer := range l.layers {
		spread(layer, func(s *place) float64 { return s.x })
	}
	l.sweep(12, func(layer []*place, neighbours func(*place) []*place) {
		spread(layer, func(s *place) float64 { return mean(neighbours(s), s.x) })
	})
	left, right := 0.0, 0.0
	for _, layer := range l.layers {
		tallest := 0.0
		for _, s := range layer {
			tallest = max(tallest, s.height)
			left, right = min(left, s.x-s.width/2), max(right, s.x+s.width/2)
		}
		for _, s := range layer {
			if s.y = l.height + gapDown/2 + tallest/2; s.box == nil {
				s.height = tallest
			}
		}
		l.height += tallest + gapDown
	}
	for _, layer := range l.layers {
		for _, s := range layer {
			s.x += gapAcross - left
		}
	}
	l.width = right - left + 2*gapAcross
}

// spread moves the places of a layer as near as possible, in the sense of least
// squares, to where they want to be without their order being changed or two
// coming too close: isotonic regression, by pooling neighbours that violate it.
func spread(layer []*place, wanted func(*place) float64) {
	type pool struct {
		sum   float64
		count int
	}
	var pools []pool
	offsets, at := make([]float64, len(layer)), 0.0
	for i, s := range layer {
		if i > 0 {
			at += (layer[i-1].width+s.width)/2 + gapAcross
		}
		offsets[i] = at
		pools = append(pools, pool{wanted(s) - at, 1})
		for k := len(pools) - 1; k > 0 && pools[k-1].sum*float64(pools[k].count) > pools[k].sum*float64(pools[k-1].count); k-- {
			pools[k-1].sum += pools[k].sum
			pools[k-1].count += pools[k].count
			pools = pools[:k]
		}
	}
	i := 0
	for _, p := range pools {
		for range p.count {
			layer[i].x = p.sum/float64(p.count) + offsets[i]
			i++
		}
	}
}
