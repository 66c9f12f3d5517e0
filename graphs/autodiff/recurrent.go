package autodiff

import (
	"slices"

	"fovea/graphs"
)

// Recurrent layers are unrolled: their sequence length is known.

func init() {
	register(map[string]Rule{
		"RNN":  recurrent(1, []string{"Tanh"}, rnnStep),
		"GRU":  recurrent(3, []string{"Sigmoid", "Tanh"}, gruStep),
		"LSTM": recurrent(4, []string{"Sigmoid", "Tanh", "Tanh"}, lstmStep),
	})
}

// A layer is one direction of a recurrent node.
type layer struct {
	*Call
	w, r                 *graphs.Value   // [gates·hidden, features] and [gates·hidden, hidden]
	inputBias, recurrent *graphs.Value   // [gates·hidden]; nil without a bias
	peepholes            []*graphs.Value // [hidden] each; nil without
	gates, hidden        int64
}

// A state is what a layer hands from step to step: [batch, hidden] each, the
// second only in LSTM.
type state struct{ h, cell *graphs.Value }

// recurrent makes the rule of a layer with a number of gates from its step: of what
// the gates get from the input, [batch, gates·hidden], and the state before.
func recurrent(gates int64, activations []string, step func(l layer, input *graphs.Value, s state) state) Rule {
	return defined(func(c *Call) []*graphs.Value {
		if reason := c.unusual(activations); reason != "" {
			return c.refuse("%s is not supported", reason)
		}
		directions := c.In(1).Shape[0]
		var ys, hs, cells []*graphs.Value
		for d := range directions {
			l := c.layer(gates, d)
			backwards := d == 1 || c.node.Attributes["direction"] == "reverse"
			y, last := l.run(d, backwards, step)
			ys, hs, cells = append(ys, y), append(hs, c.unsqueezed(last.h, 0)), append(cells, c.unsqueezed(last.cell, 0))
		}
		out := both(c.Concat(1, ys...), c.Concat(0, hs...))
		if gates == 4 {
			out = append(out, c.Concat(0, cells...))
		}
		return out
	})
}

// unusual tells what a recurrent node has that the rules do not know.
func (c *Call) unusual(activations []string) string {
	for _, name := range []string{"clip", "input_forget", "layout"} {
		if v := c.node.Attributes[name]; v != nil && v != int64(0) {
			return name
		}
	}
	listed, _ := c.node.Attributes["activations"].([]string)
	for i, name := range listed {
		if name != activations[i%len(activations)] {
			return "activation " + name
		}
	}
	return ""
}

func (c *Call) unsqueezed(x *graphs.Value, axis int) *graphs.Value {
	if x == nil {
		return nil
	}
	return c.Reshape(x, slices.Insert(slices.Clone(x.Shape), axis, 1)...)
}

// of is part d of x along axis 0, without that axis; nil if x is absent.
func (c *Call) of(x *graphs.Value, d int64) *graphs.Value {
	if x == nil {
		return nil
	}
	return c.Reshape(c.Slice(x, 0, d, d+1), x.Shape[1:]...)
}

func (c *Call) layer(gates, d int64) layer {
	l := layer{Call: c, gates: gates, hidden: c.In(2).Shape[2], w: c.of(c.In(1), d), r: c.of(c.In(2), d)}
	if c.In(3) != nil {
		biases := c.Split(c.of(c.In(3), d), 0, gates*l.hidden, gates*l.hidden)
		l.inputBias, l.recurrent = biases[0], biases[1]
	}
	if c.In(7) != nil {
		l.peepholes = c.Split(c.of(c.In(7), d), 0, l.hidden, l.hidden, l.hidden)
	}
	return l
}

// run gives the states h of all steps, [length, 1, batch, hidden], with 0 behind
// the end of shorter sequences, and the last state.
func (l layer) run(d int64, backwards bool, step func(l layer, input *graphs.Value, s state) state) (y *graphs.Value, s state) {
	x := l.In(0)
	length, batch := x.Shape[0], x.Shape[1]
	inputs := l.MatMul(l.Reshape(x, length*batch, x.Shape[2]), l.w, graphs.TransB)
	if l.inputBias != nil {
		inputs = l.Add(inputs, l.inputBias)
	}
	inputs = l.Reshape(inputs, length, batch, l.gates*l.hidden)
	zero := l.zeros([]int64{batch, l.hidden})
	if s.h = l.of(l.In(5), d); s.h == nil {
		s.h = zero
	}
	if s.cell = l.of(l.In(6), d); s.cell == nil && l.gates == 4 {
		s.cell = zero
	}
	ys := make([]*graphs.Value, length)
	for i := range length {
		t := i
		if backwards {
			t = length - 1 - i
		}
		before := s
		s = step(l, l.of(inputs, t), s)
		shown := s.h
		if lengths := l.In(4); lengths != nil {
			less := l.Append(&graphs.Node{Op: "Less", Inputs: both(l.Ints(t), l.Cast(lengths, graphs.Int64))},
				&graphs.Value{Type: graphs.Bool, Shape: []int64{batch}})[0]
			runs := l.Reshape(less, batch, 1)
			shown = l.Where(runs, s.h, zero)
			s.h = l.Where(runs, s.h, before.h)
			if s.cell != nil {
				s.cell = l.Where(runs, s.cell, before.cell)
			}
		}
		ys[t] = l.unsqueezed(l.unsqueezed(shown, 0), 0)
	}
	return l.Concat(0, ys...), s
}

// parts cuts what belongs to all gates into one part a gate.
func (l layer) parts(x *graphs.Value) []*graphs.Value {
	return l.Split(x, int64(x.Rank()-1), slices.Repeat([]int64{l.hidden}, int(l.gates))...)
}

// fromState is what the gates get from the state.
func (l layer) fromState(h *graphs.Value) *graphs.Value {
	out := l.MatMul(h, l.r, graphs.TransB)
	if l.recurrent != nil {
		out = l.Add(out, l.recurrent)
	}
	return out
}

func rnnStep(l layer, input *graphs.Value, s state) state {
	return state{h: l.Tanh(l.Add(input, l.fromState(s.h)))}
}

// gruStep: gates update, reset and hidden.
func gruStep(l layer, input *graphs.Value, s state) state {
	x, h := l.parts(input), l.parts(l.fromState(s.h))
	update, reset := l.Sigmoid(l.Add(x[0], h[0])), l.Sigmoid(l.Add(x[1], h[1]))
	candidate := l.Mul(reset, h[2])
	if l.Int("linear_before_reset", 0) == 0 {
		candidate = l.MatMul(l.Mul(reset, s.h), l.Slice(l.r, 0, 2*l.hidden, 3*l.hidden), graphs.TransB)
		if l.recurrent != nil {
			candidate = l.Add(candidate, l.Slice(l.recurrent, 0, 2*l.hidden, 3*l.hidden))
		}
	}
	fresh := l.Tanh(l.Add(x[2], candidate))
	return state{h: l.Add(fresh, l.Mul(update, l.Sub(s.h, fresh)))}
}

// lstmStep: gates input, output, forget and cell.
func lstmStep(l layer, input *graphs.Value, s state) state {
	gates := l.parts(l.Add(input, l.fromState(s.h)))
	peep := func(gate, hole int, cell *graphs.Value) *graphs.Value {
		if l.peepholes == nil {
			return gates[gate]
		}
		return l.Add(gates[gate], l.Mul(l.peepholes[hole], cell))
	}
	kept := l.Mul(l.Sigmoid(peep(2, 2, s.cell)), s.cell)
	cell := l.Add(kept, l.Mul(l.Sigmoid(peep(0, 0, s.cell)), l.Tanh(gates[3])))
	return state{h: l.Mul(l.Sigmoid(peep(1, 1, cell)), l.Tanh(cell)), cell: cell}
}
