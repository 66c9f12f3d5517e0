package transfer

import (
	"fmt"
	"slices"
	"strings"

	"fovea/graphs/importer"
	"fovea/onnx/pb"
)

// A Head is where a classifier turns features into scores of classes.
type Head struct {
	Node           string // the linear layer's, or the value it has none behind
	Features       string // the value that the layer reads
	Width, Classes int64  // features an image or position, and scores; 0 classes: there is no layer

	model  *pb.ModelProto
	result string // of the layer, with its bias
	rank   int    // of Features
	kernel bool   // a convolution at several positions, whose results are pooled behind it
}

func (h Head) String() string {
	return fmt.Sprintf("%q (%d features → %d classes)", h.Node, h.Width, h.Classes)
}

// passed are the operators that may stand between a head and the output.
var passed = map[string]bool{"Softmax": true, "LogSoftmax": true, "Sigmoid": true, "Identity": true, "Cast": true,
	"Flatten": true, "Reshape": true, "Squeeze": true, "Unsqueeze": true, "Transpose": true, "Dropout": true, "Relu": true,
	"Clip": true, "GlobalAveragePool": true, "AveragePool": true, "ReduceMean": true, "Add": true, "Sub": true, "Mul": true,
	"Div": true, "Sum": true, "Mean": true, "Concat": true}

// FindHead finds the head of a model whose functions are expanded and whose
// constants are initializers, as importer.Source.Model gives it, and which was
// traced with so many images. The head is the last Gemm, MatMul or 1×1 Conv with
// weights on the way to the output. If there are several, or none, a name
// decides: that of such a layer's node, or of a value [N,F], without a layer
// behind it, that a new head is to read.
func FindHead(m *pb.ModelProto, trace importer.Trace, batch int64, name string) (*Head, error) {
	w := newWiring(m, trace, batch)
	var heads []*Head
	seen := map[string]bool{}
	for _, out := range m.GetGraph().GetOutput() {
		heads = append(heads, w.above(out.GetName(), seen)...)
	}
	if name != "" {
		return w.named(name, heads)
	}
	switch len(heads) {
	case 1:
		return heads[0], nil
	case 0:
		return nil, fmt.Errorf("no layer is followed by nothing but pooling and softmax on the way to the output: "+
			"name the node of the layer to replace, or the value that a new one is to read, with model.head%s", w.vectors())
	}
	return nil, fmt.Errorf("%d layers could be the head: name one with model.head: %s", len(heads), list(heads))
}

func list(heads []*Head) string {
	var out []string
	for _, h := range heads {
		out = append(out, h.String())
	}
	return strings.Join(out, ", ")
}

// wiring tells who makes and who reads each value.
type wiring struct {
	model        *pb.ModelProto
	trace        importer.Trace
	batch        int64
	makers       map[string]*pb.NodeProto
	readers      map[string][]*pb.NodeProto
	initializers map[string]*pb.TensorProto
	varies       map[string]bool // values that depend on the images
}

func newWiring(m *pb.ModelProto, trace importer.Trace, batch int64) *wiring {
	w := &wiring{model: m, trace: trace, batch: batch, makers: map[string]*pb.NodeProto{},
		readers: map[string][]*pb.NodeProto{}, initializers: map[string]*pb.TensorProto{}, varies: map[string]bool{}}
	for _, in := range m.GetGraph().GetInput() {
		w.varies[in.GetName()] = true
	}
	for _, t := range m.GetGraph().GetInitializer() {
		w.initializers[t.GetName()] = t
	}
	for _, n := range m.GetGraph().GetNode() {
		varies := w.variesIn(n)
		for _, name := range n.GetOutput() {
			w.makers[name], w.varies[name] = n, varies
		}
		for _, name := range n.GetInput() {
			w.readers[name] = append(w.readers[name], n)
		}
	}
	return w
}

// variesIn tells whether a node reads what depends on the images.
func (w *wiring) variesIn(n *pb.NodeProto) bool {
	return slices.ContainsFunc(n.GetInput(), func(name string) bool { return w.varies[name] })
}

// constant is a value that does not depend on the images, as far as its content
// was kept: an initializer, or what nodes make of some.
func (w *wiring) constant(name string) *pb.TensorProto {
	if t := w.initializers[name]; t != nil {
		return t
	}
	if w.varies[name] {
		return nil
	}
	return w.trace[name]
}

// above lists the heads that a value comes from.
func (w *wiring) above(name string, seen map[string]bool) []*Head {
	n := w.makers[name]
	if n == nil || seen[name] {
		return nil
	}
	seen[name] = true
	if h := w.linear(n); h != nil {
		return []*Head{h}
	}
	var heads []*Head
	if passed[n.GetOpType()] && !w.isResidual(n) {
		for _, in := range n.GetInput() {
			heads = append(heads, w.above(in, seen)...)
		}
	}
	return heads
}

// isResidual tells whether a node joins features of several positions, as the
// blocks of a network do. Scores are joined when they are a vector.
func (w *wiring) isResidual(n *pb.NodeProto) bool {
	joined := 0
	for _, in := range n.GetInput() {
		if w.varies[in] {
			joined++
		}
	}
	return joined > 1 && !w.isVector(n.GetOutput()[0])
}

// linear is the head that a node is, if it is a linear layer.
func (w *wiring) linear(n *pb.NodeProto) *Head {
	if len(n.GetInput()) < 2 || n.GetDomain() != "" && n.GetDomain() != "ai.onnx" {
		return nil
	}
	shape, transposed, ok := w.weight(n.GetInput()[1])
	features := w.trace[n.GetInput()[0]].GetDims()
	if !ok || len(shape) < 2 || len(features) < 2 {
		return nil
	}
	h := &Head{Node: n.GetName(), Features: n.GetInput()[0], model: w.model, result: n.GetOutput()[0], rank: len(features)}
	if h.Node == "" {
		h.Node = h.result
	}
	switch n.GetOpType() {
	case "Conv":
		if len(shape) != 4 || shape[2] != 1 || shape[3] != 1 || len(features) != 4 || features[1] != shape[1] {
			return nil // grouped, or more than 1×1
		}
		h.Width, h.Classes, h.kernel = shape[1], shape[0], features[2]*features[3] > 1
	case "Gemm", "MatMul":
		if len(shape) != 2 || elements(features) != w.batch*features[len(features)-1] {
			return nil // a layer on several positions, such as tokens
		}
		h.Width, h.Classes = shape[0], shape[1]
		if transposed != (integer(n, "transB") == 1) {
			h.Width, h.Classes = h.Classes, h.Width
		}
	default:
		return nil
	}
	h.result = w.biased(h.result, h.Classes)
	return h
}

// weight is the shape of an initializer behind a value, and whether it is
// transposed on the way.
func (w *wiring) weight(name string) (shape []int64, transposed, ok bool) {
	for {
		if t := w.initializers[name]; t != nil {
			return t.GetDims(), transposed, true
		}
		n := w.makers[name]
		if n == nil || n.GetOpType() != "Transpose" && n.GetOpType() != "Identity" {
			return nil, false, false
		}
		transposed = transposed != (n.GetOpType() == "Transpose")
		name = n.GetInput()[0]
	}
}

// biased is the value behind the addition of a bias of as many elements, if
// that is all that reads the result.
func (w *wiring) biased(result string, classes int64) string {
	readers := w.readers[result]
	if len(readers) != 1 || readers[0].GetOpType() != "Add" {
		return result
	}
	for _, in := range readers[0].GetInput() {
		if t := w.constant(in); t != nil && elements(t.GetDims()) == classes {
			return readers[0].GetOutput()[0]
		}
	}
	return result
}

// named is the head that a user names.
func (w *wiring) named(name string, heads []*Head) (*Head, error) {
	for _, n := range w.model.GetGraph().GetNode() {
		if n.GetName() == name || n.GetName() == "" && len(n.GetOutput()) > 0 && n.GetOutput()[0] == name {
			if h := w.linear(n); h != nil {
				return h, nil
			}
		}
	}
	if dims, ok := w.trace[name]; ok {
		if d := dims.GetDims(); w.isVector(name) {
			return &Head{Node: name, Features: name, Width: elements(d) / w.batch, model: w.model, rank: len(d)}, nil
		}
		return nil, fmt.Errorf("model.head: %q is %v: a head reads float32 [N,F], a vector for each of %d images", name, dims.GetDims(), w.batch)
	}
	if len(heads) > 0 {
		return nil, fmt.Errorf("model.head: the model has no linear layer or value %q; it ends with %s", name, list(heads))
	}
	return nil, fmt.Errorf("model.head: the model has no linear layer or value %q%s", name, w.vectors())
}

// isVector tells whether a value is a vector for each image.
func (w *wiring) isVector(name string) bool {
	t := w.trace[name]
	d := t.GetDims()
	if len(d) < 2 || d[0] != w.batch || pb.TensorProto_DataType(t.GetDataType()) != pb.TensorProto_FLOAT {
		return false
	}
	large := slices.DeleteFunc(slices.Clone(d[1:]), func(n int64) bool { return n == 1 })
	return len(large) == 1
}

// vectors is a hint at the outputs that a head could read.
func (w *wiring) vectors() string {
	for _, out := range w.model.GetGraph().GetOutput() {
		if w.isVector(out.GetName()) {
			return fmt.Sprintf(", such as model.head = %q", out.GetName())
		}
	}
	return ""
}

func elements(shape []int64) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return n
}

func integer(n *pb.NodeProto, name string) int64 {
	for _, a := range n.GetAttribute() {
		if a.GetName() == name {
			return a.GetI()
		}
	}
	return 0
}
