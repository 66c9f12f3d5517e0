package limits

import (
	"encoding/binary"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// Prepare checks a model like [Check]. It returns the model, or a copy in which nodes that end the process for some
// inputs have a form that does not:
//
//   - an integer division whose divisor may be -1: the runtime does not survive the quotient of the least integer
//   - a convolution of an input of unknown rank without the shape of its kernel: the runtime would read beyond a list
//   - a Trilu whose diagonal is not a constant
//
// Results of other inputs stay the same.
func Prepare(m *pb.ModelProto, sizes Sizes) (*pb.ModelProto, error) {
	w, s := newWalker(m, sizes)
	if err := w.check(m, s); err != nil {
		return nil, err
	}
	if len(w.replaced) == 0 {
		return m, nil
	}
	out := &pb.ModelProto{IrVersion: m.IrVersion, OpsetImport: m.OpsetImport, MetadataProps: m.MetadataProps,
		Graph: w.rewriteGraph(m.GetGraph())}
	for _, f := range m.GetFunctions() {
		out.Functions = append(out.Functions, &pb.FunctionProto{Name: f.Name, Domain: f.Domain, Overload: f.Overload,
			Input: f.Input, Output: f.Output, Attribute: f.Attribute, AttributeProto: f.AttributeProto,
			OpsetImport: f.OpsetImport, ValueInfo: f.ValueInfo, Node: w.rewriteNodes(f.GetNode())})
	}
	return out, nil
}

func (w *walker) rewriteGraph(g *pb.GraphProto) *pb.GraphProto {
	return &pb.GraphProto{Name: g.Name, Input: g.Input, Output: g.Output, ValueInfo: g.ValueInfo,
		Initializer: g.Initializer, SparseInitializer: g.SparseInitializer, Node: w.rewriteNodes(g.GetNode())}
}

func (w *walker) rewriteNodes(nodes []*pb.NodeProto) (out []*pb.NodeProto) {
	for _, n := range nodes {
		if by := w.replaced[n]; by != nil {
			out = append(out, by...)
			continue
		}
		if slices.ContainsFunc(n.GetAttribute(), func(a *pb.AttributeProto) bool { return a.GetG() != nil }) {
			copied := &pb.NodeProto{Name: n.Name, OpType: n.OpType, Domain: n.Domain, Overload: n.Overload,
				Input: n.Input, Output: n.Output}
			for _, a := range n.GetAttribute() {
				if a.GetG() != nil {
					a = &pb.AttributeProto{Name: a.Name, Type: a.Type, G: w.rewriteGraph(a.GetG())}
				}
				copied.Attribute = append(copied.Attribute, a)
			}
			n = copied
		}
		out = append(out, n)
	}
	return out
}

// protect notes by which nodes a node has to be replaced, if it has to.
func (w *walker) protect(n *pb.NodeProto, in []*value) error {
	domain := onnx.CanonicalDomain(n.GetDomain())
	switch op := n.GetOpType(); {
	case domain == "" && (op == "Div" || op == "Mod") && len(in) == 2:
		w.protectDivision(n, in)
	case domain == "" && op == "Trilu" && len(in) == 2 && n.GetInput()[1] != "" && in[1].tensor == nil:
		w.protectDiagonal(n)
	case kernelInput(n) > 0 && kernelInput(n) < len(in):
		if err := checkBias(n, in); err != nil {
			return err
		}
		return w.protectKernel(n, in[0], in[kernelInput(n)])
	}
	return nil
}

// signed lists the types whose division traps: smaller ones are widened first.
var signed = []pb.TensorProto_DataType{pb.TensorProto_INT32, pb.TensorProto_INT64}

// protectDivision replaces a / b by b = -1 ? -a : a / (b = -1 ? 1 : b), and likewise the remainder.
func (w *walker) protectDivision(n *pb.NodeProto, in []*value) {
	kind := in[0].kind
	if !slices.Contains(signed, kind) {
		kind = in[1].kind
	}
	if !slices.Contains(signed, kind) || in[1].tensor != nil && !slices.Contains(Integers(in[1].tensor), -1) {
		return
	}
	if list := Integers(in[0].tensor); list != nil && checkDivision(list, []int64{-1}) == nil {
		return
	}
	name := w.freshName()
	constant := func(suffix string, x int64) *pb.NodeProto {
		data := binary.LittleEndian.AppendUint64(nil, uint64(x))
		if kind == pb.TensorProto_INT32 {
			data = data[:4]
		}
		t := &pb.TensorProto{DataType: proto.Int32(int32(kind)), RawData: data}
		c := newNode("Constant", name+suffix)
		c.Attribute = []*pb.AttributeProto{{Name: proto.String("value"), Type: pb.AttributeProto_TENSOR.Enum(), T: t}}
		return c
	}
	a, b := n.GetInput()[0], n.GetInput()[1]
	inner := &pb.NodeProto{Name: n.Name, OpType: n.OpType, Domain: n.Domain, Attribute: n.Attribute,
		Input: []string{a, name + "divisor"}, Output: n.Output}
	list := []*pb.NodeProto{constant("-1", -1), constant("1", 1), newNode("Equal", name+"equal", b, name+"-1"),
		newNode("Where", name+"divisor", name+"equal", name+"1", b), inner}
	if n.GetOpType() == "Div" {
		inner.Output = []string{name + "quotient"}
		list = append(list, newNode("Neg", name+"negated", a),
			newNode("Where", n.GetOutput()[0], name+"equal", name+"negated", name+"quotient"))
	}
	w.replaced[n] = list
}

// protectDiagonal clamps the number of a diagonal.
func (w *walker) protectDiagonal(n *pb.NodeProto) {
	name := w.freshName()
	bound := func(suffix string, x int64) *pb.NodeProto {
		c := newNode("Constant", name+suffix)
		c.Attribute = []*pb.AttributeProto{{Name: proto.String("value_int"), Type: pb.AttributeProto_INT.Enum(), I: &x}}
		return c
	}
	k := n.GetInput()[1]
	w.replaced[n] = []*pb.NodeProto{bound("least", -1<<31), bound("most", 1<<31),
		newNode("Max", name+"from", k, name+"least"), newNode("Min", name+"diagonal", name+"from", name+"most"),
		{Name: n.Name, OpType: n.OpType, Domain: n.Domain, Attribute: n.Attribute,
			Input: []string{n.GetInput()[0], name + "diagonal"}, Output: n.Output}}
}

// kernelInput returns the index of the weight among the inputs of a convolution, or 0 for other nodes.
func kernelInput(n *pb.NodeProto) int {
	switch n.GetOpType() {
	case "Conv", "ConvTranspose", "FusedConv", "ConvInteger", "NhwcFusedConv":
		return 1
	case "QLinearConv":
		return 3
	}
	return 0
}

// checkBias refuses a bias of a convolution that is shorter than the result has channels: the runtime reads on.
func checkBias(n *pb.NodeProto, in []*value) error {
	op := n.GetOpType()
	if len(in) < 3 || op != "Conv" && op != "ConvTranspose" && op != "FusedConv" || in[2].dims == nil ||
		len(in[1].dims) < 2 {
		return nil
	}
	channels := in[1].dims[0]
	if op == "ConvTranspose" {
		channels = in[1].dims[1] * float64(attributes(n).int("group", 1))
	}
	if len(in[2].dims) != 1 || in[2].dims[0] != channels {
		return fmt.Errorf("its bias has the shape %s, but its result has %g channels", shapeText(in[2].dims), channels)
	}
	return nil
}

func (w *walker) protectKernel(n *pb.NodeProto, x, weight *value) error {
	if x.dims != nil && weight.dims != nil && len(x.dims) != len(weight.dims) {
		return fmt.Errorf("its input has %d dimensions, its weight %d: they must have as many", len(x.dims), len(weight.dims))
	}
	if attributes(n).find("kernel_shape") != nil || x.dims != nil && weight.dims != nil {
		return nil
	}
	if weight.dims == nil {
		return fmt.Errorf("the shape of its kernel is not known: export the model with the attribute kernel_shape")
	}
	if by := WithKernel(n, weight.tensor.GetDims()); by != n {
		w.replaced[n] = []*pb.NodeProto{by}
	}
	return nil
}

// freshName returns a prefix of names that no name of the model begins with, and that is returned once.
func (w *walker) freshName() string {
	w.fresh++
	return fmt.Sprintf("%s%d/", w.prefix, w.fresh)
}

func newNode(op, output string, inputs ...string) *pb.NodeProto {
	return &pb.NodeProto{OpType: &op, Input: inputs, Output: []string{output}}
}
