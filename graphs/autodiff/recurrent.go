package autodiff

import (
	"slices"

	"fovea/graphs"
)

// Recurrent layers are unrolled: their sequence length is known.

// A layer is one direction of a recurrent node.
type layer struct {
	*Call
	w, r                 *value   // [gates·hidden, features] and [gates·hidden, hidden]
	inputBias, stateBias *value   // [gates·hidden]; nil without a bias
	peepholes            []*value // [hidden] each; nil without
	gates, hidden        int64
}

// A state is handed from step to step, [batch, hidden] each; only LSTM has a cell.
type state struct{ h, cell *value }

// A step computes the next state from the last and from the gates' part of the input, [batch, gates·hidden].
type step func(l layer, input *value, s state) state

// recurrent makes the rule of a layer with a number of gates from its step.
func recurrent(gates int64, activations []string, next step) Rule {
	return byDefinition(func(c *Call) []*value {
		if reason := c.unusual(activations); reason != "" {
			return c.refuse("%s is not supported", reason)
		}
		directions := c.In(1).Shape[0]
		var ys, hs, cells []*value
		for d := range directions {
			l := c.layer(gates, d)
			backwards := d == 1 || c.node.Attributes["direction"] == "reverse"
			y, last := l.run(d, backwards, next)
			ys, hs = append(ys, y), append(hs, c.unsqueezed(last.h, 0))
			cells = append(cells, c.unsqueezed(last.cell, 0))
		}
		out := []*value{c.Concat(1, ys...), c.Concat(0, hs...)}
		if gates == 4 {
			out = append(out, c.Concat(0, cells...))
		}
		return out
	})
}

// unusual names an attribute or activation of a recurrent node that the rules do not know, empty if there is none.
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

// unsqueezed returns x with one more axis of size 1; nil if x is absent.
func (c *Call) unsqueezed(x *value, axis int) *value {
	if x == nil {
		return nil
	}
	return c.Reshape(x, slices.Insert(slices.Clone(x.Shape), axis, 1)...)
}

// at returns x[d] along axis 0, without that axis; nil if x is absent.
func (c *Call) at(x *value, d int64) *value {
	if x == nil {
		return nil
	}
	return c.Reshape(c.Slice(x, 0, d, d+1), x.Shape[1:]...)
}

// layer returns direction d of the node.
func (c *Call) layer(gates, d int64) layer {
	l := layer{Call: c, gates: gates, hidden: c.In(2).Shape[2], w: c.at(c.In(1), d), r: c.at(c.In(2), d)}
	if c.In(3) != nil {
		biases := c.Split(c.at(c.In(3), d), 0, gates*l.hidden, gates*l.hidden)
		l.inputBias, l.stateBias = biases[0], biases[1]
	}
	if c.In(7) != nil {
		l.peepholes = c.Split(c.at(c.In(7), d), 0, l.hidden, l.hidden, l.hidden)
	}
	return l
}

// run returns the states h of all steps, [length, 1, batch, hidden], with 0 behind the end of shorter sequences, and
// the last state.
func (l layer) run(d int64, backwards bool, next step) (y *value, s state) {
	length, batch := l.In(0).Shape[0], l.In(0).Shape[1]
	inputs := l.fromInput(l.In(0))
	zero := l.zeros([]int64{batch, l.hidden})
	if s.h = l.at(l.In(5), d); s.h == nil {
		s.h = zero
	}
	if s.cell = l.at(l.In(6), d); s.cell == nil && l.gates == 4 {
		s.cell = zero
	}
	ys := make([]*value, length)
	for i := range length {
		t := i
		if backwards {
			t = length - 1 - i
		}
		before := s
		s = next(l, l.at(inputs, t), s)
		shown := s.h
		if lengths := l.In(4); lengths != nil {
			runs := l.Reshape(l.less(l.Ints(t), l.Cast(lengths, graphs.Int64), []int64{batch}), batch, 1)
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

// fromInput returns the gates' part of the input at all steps, [length, batch, gates·hidden].
func (l layer) fromInput(x *value) *value {
	length, batch := x.Shape[0], x.Shape[1]
	out := l.MatMul(l.Reshape(x, length*batch, x.Shape[2]), l.w, graphs.TransB)
	if l.inputBias != nil {
		out = l.Add(out, l.inputBias)
	}
	return l.Reshape(out, length, batch, l.gates*l.hidden)
}

// byGate cuts a tensor of all gates into one part a gate.
func (l layer) byGate(x *value) []*value {
	return l.Split(x, int64(x.Rank()-1), slices.Repeat([]int64{l.hidden}, int(l.gates))...)
}

// fromState returns the gates' part of the state, [batch, gates·hidden].
func (l layer) fromState(h *value) *value {
	out := l.MatMul(h, l.r, graphs.TransB)
	if l.stateBias != nil {
		out = l.Add(out, l.stateBias)
	}
	return out
}

func rnnStep(l layer, input *value, s state) state {
	return state{h: l.Tanh(l.Add(input, l.fromState(s.h)))}
}

// gruStep has the gates update, reset and hidden.
func gruStep(l layer, input *value, s state) state {
	x, h := l.byGate(input), l.byGate(l.fromState(s.h))
	update, reset := l.Sigmoid(l.Add(x[0], h[0])), l.Sigmoid(l.Add(x[1], h[1]))
	candidate := l.Mul(reset, h[2])
	if l.Int("linear_before_reset", 0) == 0 {
		candidate = l.MatMul(l.Mul(reset, s.h), l.Slice(l.r, 0, 2*l.hidden, 3*l.hidden), graphs.TransB)
		if l.stateBias != nil {
			candidate = l.Add(candidate, l.Slice(l.stateBias, 0, 2*l.hidden, 3*l.hidden))
		}
	}
	fresh := l.Tanh(l.Add(x[2], candidate))
	return state{h: l.Add(fresh, l.Mul(update, l.Sub(s.h, fresh)))}
}

// lstmStep has the gates input, output, forget and cell.
func lstmStep(l layer, input *value, s state) state {
	gates := l.byGate(l.Add(input, l.fromState(s.h)))
	peep := func(gate, hole int, cell *value) *value {
		if l.peepholes == nil {
			return gates[gate]
		}
		return l.Add(gates[gate], l.Mul(l.peepholes[hole], cell))
	}
	kept := l.Mul(l.Sigmoid(peep(2, 2, s.cell)), s.cell)
	cell := l.Add(kept, l.Mul(l.Sigmoid(peep(0, 0, s.cell)), l.Tanh(gates[3])))
	return state{h: l.Mul(l.Sigmoid(peep(1, 1, cell)), l.Tanh(cell)), cell: cell}
}
