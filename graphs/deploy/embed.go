package deploy

import (
	"fmt"
	"strings"

	"fovea/graphs"
	"fovea/onnx/pb"
)

// A Preparation describes how an image becomes the input of a model.
type Preparation struct {
	Size      int64 // S, the side of the square that is cut out of the centre
	Short     int64 // length of the shorter side after resizing, at least S
	Squash    bool  // the longer side is resized to Short too
	Mean, Std [3]float32
}

// RawImage is the input of a model with its preparation inside: uint8 [height,width,3], the RGB of one image of any
// size.
const RawImage = "image"

// EmbedOpset is the first opset that can resize with antialiasing.
const EmbedOpset = 18

// Embed puts the preparation of an image in front of a model of images [N,3,S,S]. It resizes the shorter side, or
// both, to Short with the antialiased bicubic filter, in 8 bits as Pillow does. Then it cuts out the centre, scales it to [0,1] and
// normalises it. Sizes are computed as torchvision's Resize and CenterCrop compute them.
func Embed(g *graphs.Graph, p Preparation) error {
	if len(g.Inputs) != 1 || g.Inputs[0].Rank() != 4 || g.Inputs[0].Shape[0] > 1 {
		return fmt.Errorf("a model with the preparation inside takes one image, this one takes %s", inputs(g))
	}
	g.FreeName(RawImage, nil)
	old, nodes := g.Inputs[0], g.Nodes
	g.Nodes, g.Inputs = nil, nil
	b := embedding{g}
	raw := g.Input(RawImage, uint8s, graphs.Dynamic, graphs.Dynamic, 3)
	resized := g.Ints(p.Short, p.Short)
	if !p.Squash {
		size := b.node("Shape", graphs.Attributes{"start": int64(0), "end": int64(2)}, graphs.Int64, []int64{2}, raw)
		short := b.node("ReduceMin", graphs.Attributes{"keepdims": int64(1)}, graphs.Int64, []int64{1}, size)
		resized = b.sizes("Div", b.sizes("Mul", size, g.Ints(p.Short)), short)
	}
	planes := b.node("Transpose", graphs.Attributes{"perm": []int64{2, 0, 1}}, uint8s, []int64{3, -1, -1}, raw)
	planes = b.node("Unsqueeze", nil, uint8s, []int64{1, 3, -1, -1}, planes, g.Ints(0))
	image := b.node("Resize", graphs.Attributes{"mode": "cubic", "cubic_coeff_a": float32(-0.5), "antialias": int64(1),
		"exclude_outside": int64(1)}, uint8s, []int64{1, 3, -1, -1}, planes, nil, nil,
		g.Concat(0, g.Ints(1, 3), resized))
	// The offset (resized - S)/2 is k or k + ½. Python rounds half to even, so k + ½ becomes k + k mod 2.
	spare := b.sizes("Sub", resized, g.Ints(p.Size))
	half := b.sizes("Div", spare, g.Ints(2))
	spareIsOdd, halfIsOdd := b.sizes("Mod", spare, g.Ints(2)), b.sizes("Mod", half, g.Ints(2))
	from := b.sizes("Add", half, b.sizes("Mul", spareIsOdd, halfIsOdd))
	to := b.sizes("Add", from, g.Ints(p.Size))
	image = b.node("Slice", nil, uint8s, []int64{1, 3, p.Size, p.Size}, image, from, to, g.Ints(2, 3))
	x := g.Div(g.Cast(image, graphs.Float32), g.Scalar(255))
	x = g.Sub(x, g.Floats(p.Mean[:], 1, 3, 1, 1))
	x = g.Div(x, g.Floats(p.Std[:], 1, 3, 1, 1))
	for _, n := range nodes {
		for i, v := range n.Inputs {
			if v == old {
				n.Inputs[i] = x
			}
		}
	}
	g.Nodes = append(g.Nodes, nodes...)
	for _, out := range g.Outputs {
		out.Shape[0] = 1
	}
	return g.Err()
}

func inputs(g *graphs.Graph) string {
	var list []string
	for _, v := range g.Inputs {
		list = append(list, v.String())
	}
	return strings.Join(list, ", ")
}

// An embedding appends nodes whose sizes depend on the image, which package graphs does not infer.
type embedding struct{ *graphs.Graph }

func (b embedding) node(op string, a graphs.Attributes, t pb.TensorProto_DataType, shape []int64,
	inputs ...*graphs.Value) *graphs.Value {
	return b.Append(&graphs.Node{Op: op, Attributes: a, Inputs: inputs}, &graphs.Value{Type: t, Shape: shape})[0]
}

// sizes computes a height and a width, int64 [2].
func (b embedding) sizes(op string, inputs ...*graphs.Value) *graphs.Value {
	return b.node(op, nil, graphs.Int64, []int64{2}, inputs...)
}
