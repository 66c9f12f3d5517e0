package explain

import (
	"fmt"

	"fovea/graphs"
	"fovea/graphs/autodiff"
)

// Names of what is added to a model's inputs and outputs.
const (
	classInput  = "explain.class"  // int64 [B,1], -1: the class of the highest score
	classOutput = "explain.chosen" // int64 [B,1]
	scoreOutput = "explain.scores" // float32 [B,C]
	modelOutput = "explain.output" // float32 [B,C]
	mapOutput   = "explain."       // and the method: float32 [B,…]
)

// supports returns an error that names what a method needs and the model lacks, else nil.
func (a *anatomy) supports(m Method) error {
	switch {
	case m.attends() && a.attention == nil:
		return fmt.Errorf("method %s: the model has no attention that can be read: %w", m, a.noAttention)
	case m == GradCAM && a.tokens == nil && a.features == nil:
		return fmt.Errorf("method %s: the model has neither tokens with attention nor a feature map of convolutions", m)
	}
	return nil
}

// reads lists the values whose gradients the methods read.
func (a *anatomy) reads(methods []Method) (out []*graphs.Value) {
	for _, m := range methods {
		switch {
		case m == Relevance:
			out = append(out, a.attention...)
		case m == Rollout:
			out = append(out, a.attention[len(a.attention)-1])
		case m == GradCAM && a.tokens != nil:
			out = append(out, a.tokens)
		case m == GradCAM:
			out = append(out, a.features)
		default:
			out = append(out, a.images)
		}
	}
	return out
}

// choose adds the choice of a class for each image. It returns the number of the class, int64 [B,1], and a row that is
// 1 at its place and 0 elsewhere, float32 [B,C].
func (a *anatomy) choose(g *graphs.Graph) (chosen, oneHot *graphs.Value) {
	batch, classes := a.scores.Shape[0], a.scores.Shape[1]
	given := g.Input(classInput, graphs.Int64, batch, 1)
	best := g.Append(&graphs.Node{Op: "ArgMax", Inputs: []*graphs.Value{a.scores},
		Attributes: graphs.Attributes{"axis": int64(1), "keepdims": int64(1)}},
		&graphs.Value{Type: graphs.Int64, Shape: []int64{batch, 1}})[0]
	chosen = g.Where(g.Equal(given, g.Ints(-1)), best, given)
	every := make([]int64, classes)
	for i := range every {
		every[i] = int64(i)
	}
	return chosen, g.Cast(g.Equal(chosen, g.Ints(every...)), graphs.Float32)
}

// extend replaces the outputs of a graph by the chosen class, the scores and the maps of the methods.
func extend(g *graphs.Graph, a *anatomy, methods []Method) error {
	g.Outputs = nil
	chosen, oneHot := a.choose(g)
	wrt := a.reads(methods)
	list, err := autodiff.Backward(g, map[*graphs.Value]*graphs.Value{a.scores: oneHot}, wrt)
	if err != nil {
		return err
	}
	gradients := map[*graphs.Value]*graphs.Value{}
	for i, v := range wrt {
		if list[i] == nil {
			return fmt.Errorf("the scores do not depend on %s by a gradient", v)
		}
		gradients[v] = list[i]
	}
	g.Output(classOutput, chosen)
	g.Output(scoreOutput, a.scores)
	g.Output(modelOutput, a.output)
	for _, m := range methods {
		var v *graphs.Value
		switch m {
		case Rollout, Relevance:
			v = a.attended(g, m, gradients)
		case GradCAM:
			if a.tokens != nil {
				v = a.tokenMap(g, gradients[a.tokens])
			} else {
				v = a.channelMap(g, gradients[a.features])
			}
		case Gradient, Integrated:
			v = gradients[a.images]
		case GradientInput:
			v = g.Mul(a.images, gradients[a.images])
		}
		g.Output(mapOutput+string(m), v)
	}
	g.RemoveDead()
	g.Fold()
	return g.Err()
}

// attended multiplies the layers' attention and returns how much of each patch is in the tokens that the model pools:
// [B,side,side].
func (a *anatomy) attended(g *graphs.Graph, m Method, gradients map[*graphs.Value]*graphs.Value) *graphs.Value {
	batch := a.images.Shape[0]
	layered := func(v *graphs.Value) *graphs.Value {
		count := v.Shape[v.Rank()-1]
		return g.Reshape(v, batch, v.Len()/(batch*count*count), count, count)
	}
	last := a.attention[len(a.attention)-1]
	count := last.Shape[last.Rank()-1]
	one := make([]float32, count*count)
	for i := range count {
		one[i*count+i] = 1
	}
	identity := g.Floats(one, 1, count, count)
	var product *graphs.Value // of relevance without the identity, beside which float32 would lose digits
	for _, v := range a.attention {
		if m == Rollout {
			layer := g.Scale(g.Add(g.ReduceMean(layered(v), false, 1), identity), 0.5)
			if product != nil {
				layer = g.MatMul(layer, product, graphs.NoTrans)
			}
			product = layer
			continue
		}
		layer := g.ReduceMean(g.Relu(g.Mul(layered(v), layered(gradients[v]))), false, 1)
		if product != nil {
			layer = g.Add(layer, g.Add(product, g.MatMul(layer, product, graphs.NoTrans)))
		}
		product = layer
	}
	// A row of the last attention has a gradient if the model pools its token.
	row := g.ReduceSum(g.Abs(layered(gradients[last])), false, 1, 3)
	row = g.Reshape(g.Sign(row), batch, 1, count)
	row = g.Div(row, g.Apply("Max", nil, g.ReduceSum(row, true, 2), g.Scalar(1)))
	out := g.Slice(g.MatMul(row, product, graphs.NoTrans), 2, a.before, count)
	return g.Reshape(out, batch, a.side, a.side)
}

// tokenMap returns Grad-CAM of the patches' tokens: [B,side,side].
func (a *anatomy) tokenMap(g *graphs.Graph, gradient *graphs.Value) *graphs.Value {
	batch := a.images.Shape[0]
	count, width := a.before+a.side*a.side, a.tokens.Shape[a.tokens.Rank()-1]
	patches := func(v *graphs.Value) *graphs.Value {
		if v.Rank() == 3 && v.Shape[0] == count && v.Shape[1] == batch && count != batch {
			v = g.Transpose(v, 1, 0, 2) // torch.nn.MultiheadAttention puts the tokens first
		}
		return g.Slice(g.Reshape(v, batch, count, width), 1, a.before, count)
	}
	weights := g.ReduceMean(patches(gradient), true, 1)
	return g.Reshape(g.Relu(g.ReduceSum(g.Mul(patches(a.tokens), weights), false, 2)), batch, a.side, a.side)
}

// channelMap returns Grad-CAM of a feature map: [B,h,w].
func (a *anatomy) channelMap(g *graphs.Graph, gradient *graphs.Value) *graphs.Value {
	weights := g.ReduceMean(gradient, true, 2, 3)
	return g.Relu(g.ReduceSum(g.Mul(a.features, weights), false, 1))
}
