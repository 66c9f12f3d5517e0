package onnx

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"fovea/onnx/pb"
)

// maxSubgraphDepth is the greatest depth of nested subgraphs that Check accepts.
const maxSubgraphDepth = 32

// maxIRVersion is the newest format that package pb knows.
const maxIRVersion = int64(pb.Version_IR_VERSION)

// Check returns an error that names node and value of the first structural fault of a model. Faults are: versions that
// are missing or unknown, a value that is made twice or used before it is made, a cycle, an output that nothing makes,
// an operator of a domain that is not imported, a tensor whose bytes do not agree with its type and shape. Bodies of
// loops, branches and functions are included. Check does not know the operators, so it does not infer types or shapes.
//
// The rules are those of onnx.checker.check_model, except that graphs need no name, because ONNX Runtime does without.
func Check(m *pb.ModelProto) error {
	if err := checkModel(m); err != nil {
		return fmt.Errorf("invalid model: %w", err)
	}
	return nil
}

func checkModel(m *pb.ModelProto) error {
	switch v := m.GetIrVersion(); {
	case v <= 0:
		return fmt.Errorf("ir_version is missing: not an ONNX model, or a damaged one")
	case v > maxIRVersion:
		return fmt.Errorf("ir_version %d is newer than %d, the newest known: save the model with an older one",
			v, maxIRVersion)
	}
	if m.GetGraph() == nil {
		return fmt.Errorf("there is no graph")
	}
	opsets, err := imports(m.GetOpsetImport())
	if err != nil {
		return err
	}
	if m.GetIrVersion() >= 3 && len(opsets) == 0 {
		return fmt.Errorf("opset_import is missing")
	}
	if m.GetIrVersion() < 3 && len(opsets) == 0 {
		opsets[""] = true // operator sets are younger than these models
	}
	if err := checkGraph(m.GetGraph(), &scope{opsets: opsets, ir: m.GetIrVersion()}); err != nil {
		return err
	}
	for _, f := range m.GetFunctions() {
		if err := checkFunction(f, opsets, m.GetIrVersion()); err != nil {
			return fmt.Errorf("function %q: %w", f.GetName(), err)
		}
	}
	return nil
}

// imports returns the set of domains that are imported. An import may stand there twice, as scikit-learn's converter
// writes it.
func imports(list []*pb.OperatorSetIdProto) (map[string]bool, error) {
	domains := map[string]bool{}
	for i, o := range list {
		domain := CanonicalDomain(o.GetDomain())
		if slices.ContainsFunc(list[:i], func(p *pb.OperatorSetIdProto) bool { return proto.Equal(o, p) }) {
			continue
		}
		if domains[domain] {
			return nil, fmt.Errorf("opset_import names domain %q twice", o.GetDomain())
		}
		if o.GetVersion() <= 0 {
			return nil, fmt.Errorf("opset_import of domain %q has no version", o.GetDomain())
		}
		domains[domain] = true
	}
	return domains, nil
}

// CanonicalDomain returns "" for the standard's long name "ai.onnx", and any other domain unchanged.
func CanonicalDomain(domain string) string {
	if domain == "ai.onnx" {
		return ""
	}
	return domain
}

// A scope has the values that nodes of a graph may use: its own so far, and those of the graphs around it.
type scope struct {
	outer  *scope
	depth  int
	opsets map[string]bool
	ir     int64
	makers map[string]string // value → what makes it
}

func (s *scope) maker(value string) (string, bool) {
	for ; s != nil; s = s.outer {
		if by, ok := s.makers[value]; ok {
			return by, true
		}
	}
	return "", false
}

// define records that value is made by something. It is an error if the same graph or one around it makes the value
// already.
func (s *scope) define(value, by string) error {
	if err := checkName(value); err != nil {
		return err
	}
	if other, ok := s.maker(value); ok {
		return fmt.Errorf("value %q of %s is made by %s already: names must be unique", value, by, other)
	}
	s.makers[value] = by
	return nil
}

// checkGraph checks g, whose own values go to the empty scope s.
func checkGraph(g *pb.GraphProto, s *scope) error {
	s.makers = map[string]string{}
	for _, v := range slices.Concat(g.GetInput(), g.GetOutput(), g.GetValueInfo()) {
		kind := pb.TensorProto_DataType(v.GetType().GetTensorType().GetElemType())
		if kind != pb.TensorProto_UNDEFINED && elementTypes[kind].name == "" {
			return fmt.Errorf("value %q has elements of the unknown type %d", v.GetName(), kind)
		}
	}
	if s.depth > maxSubgraphDepth {
		return fmt.Errorf("subgraphs are nested more than %d deep", maxSubgraphDepth)
	}
	for _, in := range g.GetInput() {
		if in.GetName() == "" {
			return fmt.Errorf("a graph input has no name")
		}
		if err := checkName(in.GetName()); err != nil {
			return err
		}
		if s.makers[in.GetName()] != "" {
			return fmt.Errorf("there are two graph inputs %q", in.GetName())
		}
		s.makers[in.GetName()] = "the graph input"
	}
	for _, t := range g.GetInitializer() {
		if err := s.initializer("initializer", t.GetName(), checkTensor(t)); err != nil {
			return err
		}
	}
	for _, t := range g.GetSparseInitializer() {
		if err := s.initializer("sparse initializer", t.GetValues().GetName(), checkSparse(t)); err != nil {
			return err
		}
	}
	if err := checkNodes(g.GetNode(), s); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, out := range g.GetOutput() {
		name := out.GetName()
		if seen[name] {
			return fmt.Errorf("there are two graph outputs %q", name)
		}
		seen[name] = true
		if _, ok := s.makers[name]; !ok {
			return fmt.Errorf("graph output %q is made by no node, input or initializer", name)
		}
	}
	return nil
}

// checkName refuses names that ONNX Runtime would take for shorter ones: in C a name ends at a zero byte.
func checkName(name string) error {
	if strings.ContainsRune(name, 0) {
		return fmt.Errorf("the name %q has a zero byte: rename the value", name)
	}
	return nil
}

// initializer defines an initializer, unless the check of its tensor failed. It may give a graph input its default;
// before IR version 4 it must.
func (s *scope) initializer(kind, name string, failed error) error {
	switch by := s.makers[name]; {
	case failed != nil:
		return fmt.Errorf("%s %q: %w", kind, name, failed)
	case name == "":
		return fmt.Errorf("an initializer has no name")
	case by == "an initializer":
		return fmt.Errorf("there are two initializers %q", name)
	case by == "" && s.ir < 4 && s.outer == nil:
		return fmt.Errorf("initializer %q is no graph input, which models of ir_version %d need: set ir_version 4",
			name, s.ir)
	}
	s.makers[name] = "an initializer"
	return checkName(name)
}

func checkNodes(nodes []*pb.NodeProto, s *scope) error {
	for i, n := range nodes {
		by := NodeLabel(i, n)
		if err := checkNode(nodes[i:], s); err != nil {
			return fmt.Errorf("%s: %w", by, err)
		}
		for _, out := range n.GetOutput() {
			if out == "" { // an optional output that is not wanted
				continue
			}
			if err := s.define(out, by); err != nil {
				return err
			}
		}
	}
	return nil
}

// NodeLabel returns a description by which a reader of the model finds node i of a graph. Long names are cut.
func NodeLabel(i int, n *pb.NodeProto) string {
	if n.GetName() != "" {
		return fmt.Sprintf("node %q (%s)", clip(n.GetName()), clip(n.GetOpType()))
	}
	return fmt.Sprintf("node %d (%s)", i, clip(n.GetOpType()))
}

// clip cuts a name that is too long for a message.
func clip(name string) string {
	const most = 100
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "…"
}

// checkNode checks the first of the nodes.
func checkNode(nodes []*pb.NodeProto, s *scope) error {
	n := nodes[0]
	if n.GetOpType() == "" {
		return fmt.Errorf("op_type is missing")
	}
	if !s.opsets[CanonicalDomain(n.GetDomain())] {
		return fmt.Errorf("its domain %q is not in opset_import", n.GetDomain())
	}
	for i, in := range n.GetInput() {
		if in == "" { // an optional input that is not given
			continue
		}
		if _, ok := s.maker(in); !ok {
			return undefined(nodes, i, in)
		}
	}
	seen := map[string]bool{}
	for _, a := range n.GetAttribute() {
		if a.GetName() == "" {
			return fmt.Errorf("an attribute has no name")
		}
		if seen[a.GetName()] {
			return fmt.Errorf("attribute %q appears twice", a.GetName())
		}
		seen[a.GetName()] = true
		if err := checkAttribute(a, s); err != nil {
			return fmt.Errorf("attribute %q: %w", a.GetName(), err)
		}
	}
	return nil
}

func checkAttribute(a *pb.AttributeProto, s *scope) error {
	for _, t := range tensorsOf(a) {
		if err := checkTensor(t); err != nil {
			return err
		}
	}
	for _, g := range Subgraphs(a) {
		if err := checkGraph(g, &scope{outer: s, depth: s.depth + 1, opsets: s.opsets, ir: s.ir}); err != nil {
			return fmt.Errorf("subgraph %q: %w", g.GetName(), err)
		}
	}
	return nil
}

func checkFunction(f *pb.FunctionProto, modelOpsets map[string]bool, ir int64) error {
	opsets, err := imports(f.GetOpsetImport())
	if err != nil {
		return err
	}
	if len(opsets) == 0 {
		opsets = modelOpsets
	}
	s := &scope{opsets: opsets, ir: ir, makers: map[string]string{}}
	for _, in := range f.GetInput() {
		if err := s.define(in, "the function input"); err != nil {
			return err
		}
	}
	if err := checkNodes(f.GetNode(), s); err != nil {
		return err
	}
	for _, out := range f.GetOutput() {
		if _, ok := s.makers[out]; !ok {
			return fmt.Errorf("output %q is made by no node or input", out)
		}
	}
	return nil
}
