package randomgraphs

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"fovea/onnx/pb"
)

const (
	fewest, most = 5, 40 // nodes of a model
	elements     = 200   // of a value, about
	microsoft    = "com.microsoft"
)

// A tensor is a value of a model. Size bounds the magnitude of its elements, so that functions are used where they are
// smooth and well-conditioned.
type tensor struct {
	name  string
	shape []int64
	size  float64
}

func (t *tensor) rank() int  { return len(t.shape) }
func (t *tensor) len() int64 { return product(t.shape) }

func product(shape []int64) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return n
}

// attributes are int, float64, string, []int64 or *pb.TensorProto by name.
type attributes map[string]any

// A maker writes a model, and the values that its inputs have.
type maker struct {
	*rand.Rand
	opset   int64
	graph   *pb.GraphProto
	pool    []*tensor // floats that nodes may read
	inputs  map[string]*pb.TensorProto
	names   int
	refused bool // the operator at hand does not fit
}

// newModel makes the model of a seed, and the values of its inputs. The seed also says which operator is there in any
// case, so that all come along.
func newModel(seed uint64) (*pb.ModelProto, map[string]*pb.TensorProto) {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 1)),
		graph:  &pb.GraphProto{Name: proto.String(fmt.Sprintf("seed %d", seed))},
		inputs: map[string]*pb.TensorProto{}}
	all := slices.Sorted(maps.Keys(generators))
	first := all[seed%uint64(len(all))]
	m.opset = max(int64(9+m.IntN(17)), generators[first].since)
	for range 1 + m.IntN(3) {
		m.parameter(1, m.dims(1+m.IntN(4))...)
	}
	wanted := fewest + m.IntN(most-fewest+1)
	for try := 0; len(m.graph.Node) < wanted && try < 200; try++ {
		name := all[m.IntN(len(all))]
		if try%20 == 0 && m.lacks(first) {
			name = first
		}
		if g := generators[name]; g.since <= m.opset {
			m.try(g.make)
		}
	}
	m.chooseOutputs()
	opsets := []*pb.OperatorSetIdProto{{Domain: proto.String(""), Version: &m.opset},
		{Domain: proto.String(microsoft), Version: proto.Int64(1)}}
	ir := proto.Int64(oneOf(m, int64(4), 8, 10))
	return &pb.ModelProto{IrVersion: ir, Graph: m.graph, OpsetImport: opsets}, m.inputs
}

func (m *maker) lacks(op string) bool {
	return !slices.ContainsFunc(m.graph.Node, func(n *pb.NodeProto) bool { return nameOf(n) == op })
}

// nameOf returns a node's operator, with its domain in front if that is not the standard.
func nameOf(n *pb.NodeProto) string {
	if n.GetDomain() == "" {
		return n.GetOpType()
	}
	return n.GetDomain() + "." + n.GetOpType()
}

// try takes back what an operator has added if it does not fit.
func (m *maker) try(generate func(m *maker)) {
	nodes, initializers, inputs, pool := len(m.graph.Node), len(m.graph.Initializer), len(m.graph.Input), len(m.pool)
	m.refused = false
	generate(m)
	if m.refused || len(m.graph.Node) > most {
		m.graph.Node, m.graph.Initializer = m.graph.Node[:nodes], m.graph.Initializer[:initializers]
		m.graph.Input, m.pool = m.graph.Input[:inputs], m.pool[:pool]
	}
}

// chooseOutputs: most of what nothing reads, some of the rest. Inputs may be outputs too.
func (m *maker) chooseOutputs() {
	read := map[string]bool{}
	for _, n := range m.graph.Node {
		for _, name := range n.Input {
			read[name] = true
		}
	}
	for i, t := range m.pool {
		chance := 0.85
		if read[t.name] {
			chance = 0.2
		}
		if last := i == len(m.pool)-1; m.chance(chance) && !m.isInitializer(t) || last && len(m.graph.Output) == 0 {
			m.graph.Output = append(m.graph.Output, info(t.name, pb.TensorProto_FLOAT, nil))
		}
	}
}

func (m *maker) isInitializer(t *tensor) bool {
	return slices.ContainsFunc(m.graph.Initializer, func(x *pb.TensorProto) bool { return x.GetName() == t.name })
}

func (m *maker) chance(p float64) bool { return m.Float64() < p }

func oneOf[T any](m *maker, list ...T) T { return list[m.IntN(len(list))] }

// between returns a number from low to high.
func (m *maker) between(low, high int64) int64 { return low + m.Int64N(high-low+1) }

func (m *maker) dims(rank int) []int64 {
	out := make([]int64, rank)
	for i := range out {
		out[i] = oneOf[int64](m, 1, 2, 2, 3, 3, 4, 5)
	}
	for product(out) > elements/2 {
		out[m.IntN(rank)] = 1
	}
	return out
}

func (m *maker) fresh() string {
	m.names++
	return fmt.Sprintf("v%d", m.names)
}

func info(name string, kind pb.TensorProto_DataType, shape []int64) *pb.ValueInfoProto {
	t := &pb.TypeProto_Tensor{ElemType: proto.Int32(int32(kind))}
	if shape != nil {
		t.Shape = &pb.TensorShapeProto{}
		for _, d := range shape {
			t.Shape.Dim = append(t.Shape.Dim,
				&pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
		}
	}
	return &pb.ValueInfoProto{Name: &name, Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{TensorType: t}}}
}

// given adds a value from outside: an initializer, or an input.
func (m *maker) given(t *pb.TensorProto, input bool) *tensor {
	t.Name = proto.String(m.fresh())
	if input {
		m.graph.Input = append(m.graph.Input, info(t.GetName(), pb.TensorProto_DataType(t.GetDataType()),
			append([]int64{}, t.Dims...)))
		m.inputs[t.GetName()] = t
	} else {
		m.graph.Initializer = append(m.graph.Initializer, t)
	}
	return &tensor{name: t.GetName(), shape: t.Dims}
}

// constant returns an initializer of floats.
func (m *maker) constant(values []float64, shape ...int64) *tensor {
	t := &pb.TensorProto{DataType: proto.Int32(int32(pb.TensorProto_FLOAT)), Dims: shape}
	size := 0.0
	for _, x := range values {
		t.FloatData = append(t.FloatData, float32(x))
		size = max(size, x, -x)
	}
	out := m.given(t, false)
	out.size = size
	return out
}

func (m *maker) scalar(x float64) *tensor { return m.constant([]float64{x}) }

// parameter returns an initializer or an input, drawn from [-size, size), that nodes may read.
func (m *maker) parameter(size float64, shape ...int64) *tensor {
	return m.drawn(-size, size, shape...)
}

func (m *maker) drawn(low, high float64, shape ...int64) *tensor {
	t := &pb.TensorProto{DataType: proto.Int32(int32(pb.TensorProto_FLOAT)), Dims: shape}
	for range product(shape) {
		t.FloatData = append(t.FloatData, float32(low+(high-low)*m.Float64()))
	}
	out := m.given(t, m.chance(0.5))
	out.size = max(high, -low)
	m.pool = append(m.pool, out)
	return out
}

// ints returns an initializer of integers.
func (m *maker) ints(values ...int64) *tensor { return m.integers(false, values, int64(len(values))) }

func (m *maker) integers(input bool, values []int64, shape ...int64) *tensor {
	return m.given(&pb.TensorProto{DataType: proto.Int32(int32(pb.TensorProto_INT64)), Dims: shape, Int64Data: values},
		input)
}

// indices returns integers in [0, below), or counted from the end if they may be: a constant, or an input.
func (m *maker) indices(below int64, negative bool, shape ...int64) *tensor {
	var values []int64
	for range product(shape) {
		i := m.Int64N(below)
		if negative && m.chance(0.2) {
			i -= below
		}
		values = append(values, i)
	}
	return m.integers(m.chance(0.4), values, shape...)
}

// booleans returns a constant, or an input. The first of each row is true if so wanted.
func (m *maker) booleans(first bool, shape ...int64) *tensor {
	t := &pb.TensorProto{DataType: proto.Int32(int32(pb.TensorProto_BOOL)), Dims: shape}
	for i := range product(shape) {
		x := int32(m.IntN(2))
		if first && i%shape[len(shape)-1] == 0 {
			x = 1
		}
		t.Int32Data = append(t.Int32Data, x)
	}
	return m.given(t, m.chance(0.5))
}

// apply adds a node with one result; a nil input is absent.
func (m *maker) apply(op string, a attributes, shape []int64, size float64, inputs ...*tensor) *tensor {
	return m.applyN(op, a, []*tensor{{shape: shape, size: size}}, inputs...)[0]
}

// applyN adds a node; op has its domain in front if that is not the standard. A nil result has no name; one of size 0
// is no float that nodes may read.
func (m *maker) applyN(op string, a attributes, results []*tensor, inputs ...*tensor) []*tensor {
	n := &pb.NodeProto{OpType: &op, Name: proto.String(fmt.Sprintf("n%d", len(m.graph.Node)))}
	if own, ok := strings.CutPrefix(op, microsoft+"."); ok {
		n.OpType, n.Domain = &own, proto.String(microsoft)
	}
	for _, t := range inputs {
		name := ""
		if t != nil {
			name = t.name
		}
		n.Input = append(n.Input, name)
	}
	for _, t := range results {
		if t == nil {
			n.Output = append(n.Output, "")
			continue
		}
		if t.name = m.fresh(); t.size > 0 {
			m.pool = append(m.pool, t)
		}
		if t.len() > 2*elements {
			m.refused = true
		}
		n.Output = append(n.Output, t.name)
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		n.Attribute = append(n.Attribute, attribute(name, a[name]))
	}
	m.graph.Node = append(m.graph.Node, n)
	return results
}

func attribute(name string, value any) *pb.AttributeProto {
	a := &pb.AttributeProto{Name: &name}
	switch v := value.(type) {
	case int:
		a.Type, a.I = pb.AttributeProto_INT.Enum(), proto.Int64(int64(v))
	case int64:
		a.Type, a.I = pb.AttributeProto_INT.Enum(), &v
	case float64:
		a.Type, a.F = pb.AttributeProto_FLOAT.Enum(), proto.Float32(float32(v))
	case string:
		a.Type, a.S = pb.AttributeProto_STRING.Enum(), []byte(v)
	case []int64:
		a.Type, a.Ints = pb.AttributeProto_INTS.Enum(), v
	case *pb.TensorProto:
		a.Type, a.T = pb.AttributeProto_TENSOR.Enum(), v
	default:
		panic(fmt.Sprintf("attribute %s is a %T", name, value))
	}
	return a
}
