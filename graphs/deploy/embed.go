package deploy

import (
	"fmt"
	"strings"

	"fovea/graphs"
	"fovea/onnx/pb"
)

// Preparation is what a model's images go through.
type Preparation struct {
	Size      int64 // S, of the square that is cut out of the centre
	Short     int64 // what the shorter side is resized to, at least S
	Mean, Std [3]float32
}

// RawImage is the input of a model with its preparation inside: uint8
// [height,width,3], the RGB of one image of any size.
const RawImage = "image"

// EmbedOpset is the first opset that can resize with antialiasing.
const EmbedOpset = 18

// Embed puts the preparation of an image in front of a model of images
// [N,3,S,S]: the shorter side is resized to Short with the antialiased bicubic
// filter, in 8 bits as Pillow does it, the centre cut out, scaled to [0,1] and
// normalised. Sizes are computed as torchvision's Resize and CenterCrop do.
func Embed(g *graphs.Graph, p Preparation) error {
	if len(g.Inputs) != 1 || g.Inputs[0].Rank() != 4 || g.Inputs[0].Shape[0] > 1 {
		return fmt.Errorf("a model with the preparation inside takes one image, this one takes %s", inputs(g))
	}
	old := g.Inputs[0]
	nodes := g.Nodes
	g.Nodes, g.Inputs = nil, nil
	g.FreeName(RawImage, old)
	// The readers of the old input are given what is computed: the Value stays and
	// is made by a node.
	b := embedding{g}
	raw := g.Input(RawImage, pb.TensorProto_UINT8, graphs.Dynamic, graphs.Dynamic, 3)
	size := b.shape(raw, 2)                                                                     // [height, width]
	short := b.integers("ReduceMin", graphs.Attributes{"keepdims": int64(1)}, []int64{1}, size) // of both
	resized := b.integers("Div", nil, []int64{2}, b.integers("Mul", nil, []int64{2}, size, g.Ints(p.Short)), short)
	planes := b.node("Unsqueeze", nil, pb.TensorProto_UINT8, []int64{1, 3, -1, -1},
		b.node("Transpose", graphs.Attributes{"perm": []int64{2, 0, 1}}, pb.TensorProto_UINT8, []int64{3, -1, -1}, raw), g.Ints(0))
	image := b.node("Resize", graphs.Attributes{"mode": "cubic", "cubic_coeff_a": float32(-0.5), "antialias": int64(1), "exclude_outside": int64(1)},
		pb.TensorProto_UINT8, []int64{1, 3, -1, -1}, planes, nil, nil, g.Concat(0, g.Ints(1, 3), resized))
	// Python rounds half to even: offset (resized - S)/2 is k or k + ½, of which the
	// latter becomes the next even number, k + k mod 2.
	spare := b.integers("Sub", nil, []int64{2}, resized, g.Ints(p.Size))
	half := b.integers("Div", nil, []int64{2}, spare, g.Ints(2))
	odd := func(v *graphs.Value) *graphs.Value { return b.integers("Mod", nil, []int64{2}, v, g.Ints(2)) }
	from := b.integers("Add", nil, []int64{2}, half, b.integers("Mul", nil, []int64{2}, odd(spare), odd(half)))
	to := b.integers("Add", nil, []int64{2}, from, g.Ints(p.Size))
	image = b.node("Slice", nil, pb.TensorProto_UINT8, []int64{1, 3, p.Size, p.Size}, image, from, to, g.Ints(2, 3))
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

// embedding appends nodes whose sizes depend on the image, which are not inferred.
type embedding struct{ *graphs.Graph }

func (b embedding) node(op string, a graphs.Attributes, t pb.TensorProto_DataType, shape []int64, inputs ...*graphs.Value) *graphs.Value {
	return b.Append(&graphs.Node{Op: op, Attributes: a, Inputs: inputs}, &graphs.Value{Type: t, Shape: shape})[0]
}

func (b embedding) integers(op string, a graphs.Attributes, shape []int64, inputs ...*graphs.Value) *graphs.Value {
	return b.node(op, a, graphs.Int64, shape, inputs...)
}

// shape is that of the first dimensions of v.
func (b embedding) shape(v *graphs.Value, dims int64) *graphs.Value {
	return b.integers("Shape", graphs.Attributes{"start": int64(0), "end": dims}, []int64{dims}, v)
}
