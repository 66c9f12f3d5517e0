package transfer

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	"fovea/graphs/importer"
	"fovea/onnx"
	"fovea/onnx/pb"
)

// A Head is the place where a classifier turns features into scores of classes.
type Head struct {
	Node           string // the linear layer, or the value that a new one reads
	Features       string // the value that the layer reads
	Width, Classes int64  // features for each image or position, and scores; 0 classes if there is no layer

	model  *pb.ModelProto
	result string // value that the layer with its bias makes
	pooled bool   // the layer is a convolution at several positions with pooling behind it
}

func (h Head) String() string {
	return fmt.Sprintf("%q (%d features → %d classes)", h.Node, h.Width, h.Classes)
}

// behindHead lists the operators that may stand between a head and the output.
var behindHead = map[string]bool{"Softmax": true, "LogSoftmax": true, "Sigmoid": true, "Identity": true, "Cast": true,
	"Flatten": true, "Reshape": true, "Squeeze": true, "Unsqueeze": true, "Transpose": true, "Dropout": true,
	"Relu": true,
	"Clip": true, "GlobalAveragePool": true, "AveragePool": true, "ReduceMean": true, "Add": true, "Sub": true,
	"Mul": true,
	"Div": true, "Sum": true, "Mean": true, "Concat": true, "Exp": true, "Log": true, "Neg": true, "Max": true, "Min": true,
	"ReduceSum": true, "ReduceMax": true, "ReduceL1": true, "ReduceLogSumExp": true, "LpNormalization": true, "Pow": true,
	"Reciprocal": true, "Tanh": true, "HardSigmoid": true, "Where": true, "Expand": true, "Gather": true, "Slice": true,
	"Split": true, "QuantizeLinear": true, "DequantizeLinear": true}

// pooling lists those of behindHead that may stand between a convolution that is a head and the softmax.
var pooling = map[string]bool{"Identity": true, "Cast": true, "Flatten": true, "Reshape": true, "Squeeze": true,
	"Unsqueeze": true, "Transpose": true, "Dropout": true, "Relu": true, "Clip": true, "GlobalAveragePool": true,
	"AveragePool": true, "ReduceMean": true, "ReduceMax": true, "Add": true, "Sub": true, "Mul": true, "Div": true,
	"Sum": true, "Mean": true, "Concat": true}

// FindHead finds the head of a model: the last Gemm, MatMul or 1×1 Conv with weights on the way to the output. The
// model must have its functions expanded and its constants as initializers, as importer.Source.Model returns it, and
// batch images in its trace. If there are several heads or none, name decides. It names the node of such a layer, or a
// value [N,F] that a new head is to read.
func FindHead(m *pb.ModelProto, trace importer.Trace, batch int64, name string) (*Head, error) {
	w := newWiring(m, trace, batch)
	var heads []*Head
	seen := map[string]bool{}
	for _, out := range m.GetGraph().GetOutput() {
		heads = append(heads, w.headsBehind(out.GetName(), seen)...)
	}
	if name != "" {
		return w.headNamed(name, heads)
	}
	switch len(heads) {
	case 1:
		return heads[0], nil
	case 0:
		return nil, fmt.Errorf("no layer is followed by nothing but pooling and softmax on the way to the output: "+
			"name the node of the layer to replace, or the value that a new one is to read, with model.head%s",
			w.candidates())
	}
	return nil, fmt.Errorf("%d layers could be the head: name one with model.head: %s", len(heads), headList(heads))
}

func headList(heads []*Head) string {
	var out []string
	for _, h := range heads {
		out = append(out, h.String())
	}
	return strings.Join(out, ", ")
}

// A wiring holds the nodes that make and read each value of a model.
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
			w.makers[name], w.varies[name] = n, varies && name != ""
		}
		for name := range reads(n) {
			w.readers[name] = append(w.readers[name], n)
		}
	}
	delete(w.makers, "") // the name of absent values
	return w
}

// variesIn reports whether a node reads a value that depends on the images.
func (w *wiring) variesIn(n *pb.NodeProto) bool {
	for name := range reads(n) {
		if w.varies[name] {
			return true
		}
	}
	return false
}

// reads yields the inputs of a node and what the nodes of its branches and loops read, their own values too.
func reads(n *pb.NodeProto) iter.Seq[string] {
	return func(yield func(string) bool) { eachRead(n, yield) }
}

func eachRead(n *pb.NodeProto, yield func(string) bool) bool {
	for _, name := range n.GetInput() {
		if !yield(name) {
			return false
		}
	}
	for _, a := range n.GetAttribute() {
		for _, inner := range a.GetG().GetNode() {
			if !eachRead(inner, yield) {
				return false
			}
		}
	}
	return true
}

// constant returns a value that does not depend on the images: an initializer, or a value that nodes compute from some.
// Large computed values may lack their data.
func (w *wiring) constant(name string) *pb.TensorProto {
	if t := w.initializers[name]; t != nil {
		return t
	}
	if w.varies[name] {
		return nil
	}
	return w.trace[name]
}

// headsBehind lists the heads that a value is computed from.
func (w *wiring) headsBehind(name string, seen map[string]bool) []*Head {
	n := w.makers[name]
	if n == nil || seen[name] {
		return nil
	}
	seen[name] = true
	h := w.headAt(n)
	if h != nil && w.sumsScores(n) { // the head may be what makes these scores
		if heads := w.headsBehind(n.GetInput()[0], seen); heads != nil {
			return heads
		}
	}
	if h != nil {
		return []*Head{h}
	}
	var heads []*Head
	if behindHead[n.GetOpType()] && !w.isResidual(n) {
		for _, in := range n.GetInput() {
			heads = append(heads, w.headsBehind(in, seen)...)
		}
	}
	return heads
}

// isResidual reports whether a node joins features of several positions, as the blocks of a network do. Joined scores
// would be a vector.
func (w *wiring) isResidual(n *pb.NodeProto) bool {
	joined := 0
	for _, in := range n.GetInput() {
		if w.varies[in] {
			joined++
		}
	}
	return joined > 1 && !w.isRow(n.GetOutput()[0])
}

// headAt returns the head if a node is a linear layer on one vector for each image, and nil otherwise.
func (w *wiring) headAt(n *pb.NodeProto) *Head {
	if len(n.GetInput()) < 2 || onnx.CanonicalDomain(n.GetDomain()) != "" {
		return nil
	}
	features, result := w.shape(n.GetInput()[0]), w.shape(n.GetOutput()[0])
	if !w.isWeight(n.GetInput()[1]) || len(features) < 2 || features[0] != w.batch || len(result) != len(features) {
		return nil
	}
	h := &Head{Node: n.GetName(), Features: n.GetInput()[0], model: w.model, result: n.GetOutput()[0]}
	h.Node = cmp.Or(h.Node, h.result)
	axis := len(features) - 1
	switch weight := w.shape(n.GetInput()[1]); n.GetOpType() {
	case "Conv":
		if len(weight) != 4 || weight[1] != features[1] || weight[2] != 1 || weight[3] != 1 {
			return nil // grouped, or larger than 1×1
		}
		axis, h.pooled = 1, features[2]*features[3] > 1
	case "Gemm", "MatMul":
		if len(weight) != 2 || elements(features) != w.batch*features[axis] || integer(n, "transA") == 1 {
			return nil // applied to several positions, such as tokens, or to images side by side
		}
	default:
		return nil
	}
	h.Width, h.Classes = features[axis], result[axis]
	h.result = w.behindBias(h.result, h.Classes)
	return h
}

// isWeight reports whether a value is an initializer or a transposed one.
func (w *wiring) isWeight(name string) bool {
	for w.initializers[name] == nil {
		n := w.makers[name]
		if n == nil || n.GetOpType() != "Transpose" && n.GetOpType() != "Identity" {
			return false
		}
		name = n.GetInput()[0]
	}
	return true
}

// shape returns the shape of an initializer or of a node's result.
func (w *wiring) shape(name string) []int64 {
	if t := w.initializers[name]; t != nil {
		return t.GetDims()
	}
	return w.trace[name].GetDims()
}

// behindBias returns the value behind the addition of a bias to a layer's result, or the result itself if other nodes
// read it or no bias follows.
func (w *wiring) behindBias(result string, classes int64) string {
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

// headNamed returns the head that a user names.
func (w *wiring) headNamed(name string, heads []*Head) (*Head, error) {
	for _, n := range w.model.GetGraph().GetNode() {
		if n.GetName() == name || n.GetName() == "" && len(n.GetOutput()) > 0 && n.GetOutput()[0] == name {
			if h := w.headAt(n); h != nil {
				return h, nil
			}
		}
	}
	if t, ok := w.trace[name]; ok {
		d := t.GetDims()
		if w.isVector(name) {
			return &Head{Node: name, Features: name, Width: elements(d) / w.batch, model: w.model}, nil
		}
		return nil, fmt.Errorf("model.head: %q is %v: a head reads float32 [N,F], a vector for each of %d images",
			name, d, w.batch)
	}
	if len(heads) > 0 {
		return nil, fmt.Errorf("model.head: the model has no linear layer or value %q; it ends with %s", name,
			headList(heads))
	}
	return nil, fmt.Errorf("model.head: the model has no linear layer or value %q%s", name, w.candidates())
}

// isVector reports whether a value is a float32 vector for each image.
func (w *wiring) isVector(name string) bool {
	return w.isRow(name) && pb.TensorProto_DataType(w.trace[name].GetDataType()) == pb.TensorProto_FLOAT
}

// isRow reports whether a value is a vector for each image, of any type.
func (w *wiring) isRow(name string) bool {
	d := w.trace[name].GetDims()
	if len(d) < 2 || d[0] != w.batch {
		return false
	}
	large := slices.DeleteFunc(slices.Clone(d[1:]), func(n int64) bool { return n == 1 })
	return len(large) == 1
}

// candidates returns a hint at what model.head can name: an output that a head could read, then layers and vectors, the
// last first. It is empty if there is none.
func (w *wiring) candidates() string {
	const most = 5
	var list []string
	add := func(text string) {
		if len(list) < most && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	for _, out := range w.model.GetGraph().GetOutput() {
		if w.isVector(out.GetName()) {
			add(fmt.Sprintf("%q", out.GetName()))
		}
	}
	for _, n := range slices.Backward(w.model.GetGraph().GetNode()) {
		if len(n.GetOutput()) == 0 || !w.variesIn(n) {
			continue
		}
		if h := w.headAt(n); h != nil {
			add(h.String())
		} else if w.isVector(n.GetOutput()[0]) {
			add(fmt.Sprintf("%q", n.GetOutput()[0]))
		}
	}
	if len(list) == 0 {
		return "; the model has no linear layer or value [N,F] that it could be"
	}
	return ", such as model.head = " + strings.Join(list, ", or ")
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
