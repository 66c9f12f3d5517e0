package imported

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/graphs/importer"
	"fovea/onnx"
	"fovea/onnx/pb"
)

// TestDamagedModels: whatever is wrong with a model ends in an error, not in a panic. The trace is that of the whole
// model, so that import gets far.
func TestDamagedModels(t *testing.T) {
	ops := []string{"Slice", "Split", "Pad", "Transpose", "ReduceMean", "Softmax", "Clip", "TopK", "Upsample", "Resize",
		"Scatter", "GridSample", "BatchNormalization", "LayerNormalization", "Squeeze", "Flatten", "Dropout",
		"Identity", "If", "Loop", "Scan", "DFT", "RoiAlign", "Compress", "Shape"}
	paths, err := filepath.Glob("testdata/*.onnx")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no models: %v", err)
	}
	sizes := importer.Sizes{Batch: 2}
	for _, path := range paths {
		f := open(t, path)
		rng := rand.New(rand.NewPCG(1, 2))
		pick := func(n int) int { return rng.IntN(max(n, 1)) }
		survived := 0
		for range 300 {
			m := proto.Clone(f.model.Proto).(*pb.ModelProto)
			for range 1 + pick(3) {
				n := m.Graph.Node[pick(len(m.Graph.Node))]
				switch pick(6) {
				case 0:
					n.Input = n.Input[:pick(len(n.Input))]
				case 1:
					if len(n.Input) > 0 {
						n.Input[pick(len(n.Input))] = ""
					}
				case 2:
					n.Output = n.Output[:pick(len(n.Output))]
				case 3:
					n.Attribute = nil
				case 4:
					n.OpType = proto.String(ops[pick(len(ops))])
				case 5:
					if len(n.Attribute) > 0 {
						a := n.Attribute[pick(len(n.Attribute))]
						a.I, a.Ints, a.T = proto.Int64(int64(pick(20)-10)), []int64{int64(pick(20) - 10)}, nil
					}
				}
			}
			m.OpsetImport[0].Version = proto.Int64(int64(9 + pick(15)))
			s, err := importer.Read(m, sizes)
			if err != nil {
				continue
			}
			if _, err := s.Decide(f.trace); err != nil {
				continue
			}
			if _, err := s.Import(f.trace, importer.Options{}); err == nil {
				survived++
			}
		}
		t.Logf("%s: %d of 300 damaged models are imported", path, survived)
	}
}

// good returns a model that all hostile ones are a step away from: y = Relu(x·w).
func good() builder {
	b := newModel(17, 8)
	b.input("x", float, "batch", 2, 4, 4)
	b.floats("w", 3, 2, 2, 2)
	b.node("Conv", "x,w -> a", nil)
	b.node("Relu", "a -> y", nil)
	b.outputs("y")
	return b
}

// A hostile model is one that must be refused, and what the error has to say.
type hostile struct {
	want string
	edit func(b builder)
}

// instead makes y by another node than the model's own.
func instead(op, edges string, a graphs.Attributes) func(b builder) {
	return func(b builder) {
		b.Graph.Node = nil
		b.node(op, edges, a)
	}
}

// external moves w to a file, as entries say, key and value in turn.
func external(entries ...string) func(b builder) {
	return func(b builder) {
		w := b.Graph.Initializer[0]
		w.FloatData, w.DataLocation = nil, pb.TensorProto_EXTERNAL.Enum()
		for i := 0; i < len(entries); i += 2 {
			w.ExternalData = append(w.ExternalData, &pb.StringStringEntryProto{Key: &entries[i], Value: &entries[i+1]})
		}
	}
}

// sized returns a model of a node that is told a size by a constant.
func sized(op, edges string, a graphs.Attributes, size ...int64) func(b builder) {
	return func(b builder) {
		b.ints("size", size...)
		b.Graph.Node = nil
		b.node(op, edges, a)
		b.node("ReduceMax", "big -> y", graphs.Attributes{"keepdims": 0})
	}
}

var hostiles = map[string]hostile{
	"cycle": {`node "Conv of a" (Conv): input 0, "y", depends on the node's own output: a cycle`,
		func(b builder) { b.Graph.Node[0].Input[0] = "y" }},
	"self loop": {`node "Relu of y" (Relu): input 0, "y", depends on the node's own output`,
		func(b builder) { b.Graph.Node[1].Input[0] = "y" }},
	"missing input": {`input 0, "nowhere", is made by no node`,
		func(b builder) { b.Graph.Node[1].Input[0] = "nowhere" }},
	"too few inputs": {`Conv of a`, func(b builder) { b.Graph.Node[0].Input = b.Graph.Node[0].Input[:1] }},
	"two makers": {`value "a" of node "Tanh of a" (Tanh) is made by node "Conv of a"`,
		func(b builder) { b.node("Tanh", "x -> a", nil) }},
	"shadow": {`value "w" of node "Tanh of w" (Tanh) is made by an initializer`,
		func(b builder) { b.node("Tanh", "x -> w", nil) }},
	"input made":       {`value "x" of node`, func(b builder) { b.node("Tanh", "a -> x", nil) }},
	"two inputs":       {`two graph inputs "x"`, func(b builder) { b.input("x", float, 2) }},
	"two initializers": {`two initializers "w"`, func(b builder) { b.floats("w", 2) }},
	"two outputs":      {`two graph outputs "y"`, func(b builder) { b.outputs("y") }},
	"no outputs":       {"the model has no output", func(b builder) { b.Graph.Output = nil }},
	"empty graph":      {`graph output "y" is made by no node`, func(b builder) { b.Graph.Node = nil }},
	"no graph":         {"there is no graph", func(b builder) { b.Graph = nil }},
	"zero byte": {"zero byte", func(b builder) {
		b.Graph.Node[0].Output[0], b.Graph.Node[1].Input[0] = "a\x00b", "a\x00b"
	}},
	"zero byte, input": {"zero byte", func(b builder) { b.input("i\x00", float, 2) }},

	"2^31 elements": {`initializer "w": 96 bytes of data, but float32 of shape [2147483648] has`,
		func(b builder) { b.Graph.Initializer[0].Dims = []int64{1 << 31} }},
	"2^62 × 2^62": {`shape [4611686018427387904 4611686018427387904] has too many elements`,
		func(b builder) { b.Graph.Initializer[0].Dims = []int64{1 << 62, 1 << 62} }},
	"negative dimension": {`initializer "w": shape [-3 2 2 2] has a negative dimension`,
		func(b builder) { b.Graph.Initializer[0].Dims[0] = -3 }},
	"raw data too short": {`initializer "w": 4 bytes of data`,
		func(b builder) { b.Graph.Initializer[0].RawData = make([]byte, 4) }},
	"raw data too long": {`initializer "w": 100 bytes of data`,
		func(b builder) { b.Graph.Initializer[0].RawData = make([]byte, 100) }},
	"unknown element type": {`initializer "w": data_type 77 is unknown`,
		func(b builder) { b.Graph.Initializer[0].DataType = proto.Int32(77) }},
	"unknown input type": {`x`,
		func(b builder) { b.Graph.Input[0].GetType().GetTensorType().ElemType = proto.Int32(77) }},
	"weights of another": {`Conv of a`, func(b builder) {
		b.Graph.Initializer[0].DataType, b.Graph.Initializer[0].FloatData = proto.Int32(7), nil
		b.Graph.Initializer[0].Int64Data = make([]int64, 24)
	}},
	"input of 2^31": {`input "x": shape [2 2147483648] has more than`,
		func(b builder) { b.Graph.Input[0] = info("x", float, "batch", 1<<31) }},
	"input of 2^62 × 2^62": {`input "x"`, func(b builder) { b.Graph.Input[0] = info("x", float, 1<<62, 1<<62) }},
	"unnamed height": {`input "x": dimension 2 is symbolic ("h")`,
		func(b builder) { b.Graph.Input[0] = info("x", float, "batch", 2, "h", 4) }},
	"wrong rank":            {`Conv of a`, func(b builder) { b.Graph.Input[0] = info("x", float, "batch", 2) }},
	"wrong inner dimension": {`MatMul of y`, instead("MatMul", "x,w -> y", nil)},
	"axis outside":          {`axis`, instead("Concat", "x,x -> y", graphs.Attributes{"axis": 9})},

	"attribute of a wrong type": {`axis`, instead("Softmax", "x -> y", graphs.Attributes{"axis": float32(1)})},
	"attribute without a type": {`Softmax of y`, func(b builder) {
		instead("Softmax", "x -> y", graphs.Attributes{"axis": 1})(b)
		b.Graph.Node[0].Attribute[0].Type = nil
	}},
	"attribute twice": {`attribute "group" appears twice`, func(b builder) {
		b.Graph.Node[0].Attribute = append(node("", "", graphs.Attributes{"group": 1}).Attribute,
			node("", "", graphs.Attributes{"group": 1}).Attribute...)
	}},
	"unknown operator": {"Nonsense", instead("Nonsense", "x -> y", nil)},
	"unknown domain": {`its domain "elsewhere" is not in opset_import`,
		func(b builder) { b.Graph.Node[0].Domain = proto.String("elsewhere") }},
	"opset of the future":  {"opset 999", func(b builder) { b.OpsetImport[0].Version = proto.Int64(999) }},
	"format of the future": {"ir_version 999", func(b builder) { b.IrVersion = proto.Int64(999) }},
	"no opset":             {"opset_import is missing", func(b builder) { b.OpsetImport = nil }},

	"stride 0": {`node "Conv of a" (Conv): attribute strides is 0`, func(b builder) {
		b.Graph.Node[0] = node("Conv", "x,w -> a", graphs.Attributes{"strides": []int64{0, 0}})
	}},
	"stride 0 of a pool": {`node "MaxPool of y" (MaxPool): attribute strides is 0`,
		instead("MaxPool", "x -> y", graphs.Attributes{"kernel_shape": []int64{2, 2}, "strides": []int64{0, 1}})},
	"group 0": {`attribute group is 0`, instead("ConvTranspose", "x,w -> y", graphs.Attributes{"group": 0})},
	"heads 0": {`attribute kv_num_heads is 0`,
		instead("Attention", "x,x,x -> y", graphs.Attributes{"q_num_heads": 1, "kv_num_heads": 0})},
	"kernel of 2^40": {`attribute kernel_shape is 1099511627776`,
		instead("AveragePool", "x -> y", graphs.Attributes{"kernel_shape": []int64{1 << 40, 1}})},
	"padding of 2^40": {`attribute pads is 1099511627776`, func(b builder) {
		b.Graph.Node[0] = node("Conv", "x,w -> a", graphs.Attributes{"pads": []int64{1 << 40, 0, 0, 0}})
	}},
	"empty kernel": {`its weight of shape [3 2 0 0] is empty`, func(b builder) {
		b.Graph.Initializer[0].Dims, b.Graph.Initializer[0].FloatData = []int64{3, 2, 0, 0}, nil
	}},
	"blocks of 0": {`attribute blocksize is 0`,
		instead("SpaceToDepth", "x -> y", graphs.Attributes{"blocksize": 0})},
	"constant of 2^50": {`node "ConstantOfShape of big" (ConstantOfShape): its input 0 asks for 1.13e+15 elements`,
		sized("ConstantOfShape", "size -> big", nil, 1<<25, 1<<25)},
	"constant of 2^124":   {`its input 0 asks for`, sized("ConstantOfShape", "size -> big", nil, 1<<62, 1<<62)},
	"repeated 2^40 times": {`its input 1 asks for`, sized("Tile", "x,size -> big", nil, 1<<20, 1<<20, 1, 1)},
	"spread over 2^40":    {`its input 1 asks for`, sized("Expand", "x,size -> big", nil, 1<<40, 1, 1, 1, 1)},
	"resized to 2^40": {`its input 3 asks for`, func(b builder) {
		sized("Resize", "x,w,w,size -> big", nil, 1, 2, 1<<20, 1<<20)(b)
		b.Graph.Node[0].Input[1], b.Graph.Node[0].Input[2] = "", ""
	}},
	"padded by 2^40": {`a padding of 1099511627776`, sized("Pad", "x,size -> big", nil, 0, 0, 0, 0, 0, 0, 0, 1<<40)},

	"function of itself": {"functions call each other more than 32 deep", func(b builder) {
		b.OpsetImport = append(b.OpsetImport, &pb.OperatorSetIdProto{Domain: proto.String("local"),
			Version: proto.Int64(1)})
		for _, pair := range [][2]string{{"F", "G"}, {"G", "F"}} {
			n := node(pair[1], "x -> y", nil)
			n.Domain = proto.String("local")
			b.Functions = append(b.Functions, &pb.FunctionProto{Name: proto.String(pair[0]), Domain: n.Domain,
				OpsetImport: b.OpsetImport,
				Input:       []string{"x"}, Output: []string{"y"}, Node: []*pb.NodeProto{n}})
		}
		b.Graph.Node[1].OpType, b.Graph.Node[1].Domain = proto.String("F"), proto.String("local")
	}},
	"deep branches": {"subgraphs are nested more than 32 deep", func(b builder) {
		inner := &pb.GraphProto{Output: []*pb.ValueInfoProto{result("x", float)}}
		for range 1000 {
			n := node("If", "x -> z", nil)
			n.Attribute = branches(inner, &pb.GraphProto{})
			inner = &pb.GraphProto{Node: []*pb.NodeProto{n}}
		}
		b.Graph.Node = inner.Node
	}},

	"outside":          {`external data "../secret" is outside the model's folder`, external("location", "../secret")},
	"outside, inside":  {"outside the model's folder", external("location", "folder/../../secret")},
	"outside, Windows": {"outside the model's folder", external("location", `..\secret`)},
	"absolute":         {"outside the model's folder", external("location", "/etc/passwd")},
	"symbolic link":    {"escapes", external("location", "link")},
	"folder":           {"this is a folder, not a file", external("location", "folder")},
	"no such data":     {`tensor "w"`, external("location", "nothing")},
	"no location":      {"without a location", external()},
	"behind the end": {`external data file "data": has 96 bytes, but 96 are wanted from offset 8`,
		external("location", "data", "offset", "8")},
	"negative offset": {"from offset -8", external("location", "data", "offset", "-8")},
	"negative length": {"-1 are wanted", external("location", "data", "length", "-1")},
	"overflowing": {"from offset 9223372036854775807",
		external("location", "data", "offset", "9223372036854775807", "length", "96")},
	"other length": {"12 bytes given", external("location", "data", "length", "12")},
	"no number":    {"not a number", external("location", "data", "offset", "1e3")},
	"2^31 in no bytes": {"are wanted",
		func(b builder) { external("location", "data")(b); b.Graph.Initializer[0].Dims = []int64{1 << 31} }},
	"location of zeros": {`tensor "w"`, external("location", "da\x00ta")},
}

// TestHostileModels: each model is refused with words that help, at once and without the memory that it asks for.
func TestHostileModels(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "in")
	if err := os.MkdirAll(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(outer, "secret"), filepath.Join(dir, "data")} {
		if err := os.WriteFile(path, make([]byte, 96), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(outer, "secret"), filepath.Join(dir, "link")); err != nil {
		t.Skip(err)
	}
	b := good()
	whole, err := proto.Marshal(b.ModelProto)
	if err != nil {
		t.Fatal(err)
	}
	if msg := refusal(t, dir, whole); msg != "" {
		t.Fatalf("the good model: %s", msg)
	}
	for name, h := range hostiles {
		b := good()
		h.edit(b)
		data, err := proto.Marshal(b.ModelProto)
		if err != nil {
			t.Fatal(err)
		}
		if msg := refusal(t, dir, data); !strings.Contains(msg, h.want) {
			t.Errorf("%s: error is %q, want one with %q", name, msg, h.want)
		}
	}
	for n := range len(whole) { // cut off anywhere
		if msg := refusal(t, dir, whole[:n]); msg == "" {
			t.Errorf("%d bytes of %d are a model", n, len(whole))
		}
	}
	for name, data := range map[string][]byte{"text": []byte("not a model"), "zip": []byte("PK\x03\x04"),
		"zeros":                make([]byte, 1000),
		"graphs within graphs": deep(20000)} {
		if msg := refusal(t, dir, data); !strings.Contains(msg, "not an ONNX model") {
			t.Errorf("%s: error is %q", name, msg)
		}
	}
}

// refusal returns the error of opening a model of these bytes, empty if there is none.
func refusal(t *testing.T, dir string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, "m.onnx")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := Open(t.Context(), path, importer.Sizes{Batch: 2})
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20 {
		t.Errorf("%d MB were allocated for %d bytes", used>>20, len(data))
	}
	if err == nil {
		f.Close()
		return ""
	}
	msg := err.Error()
	if !strings.Contains(msg, path) || len(msg) > 6000 {
		t.Errorf("an error of %d bytes: %.200s", len(msg), msg)
	}
	return msg
}

// deep returns a model whose node has an attribute that is a graph, of a node that has one, and so on.
func deep(n int) []byte {
	var b []byte
	wrap := func(field protowire.Number) {
		b = append(protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.BytesType), uint64(len(b))), b...)
	}
	for range n / 3 {
		wrap(1) // GraphProto.node
		wrap(6) // AttributeProto.g
		wrap(5) // NodeProto.attribute
	}
	wrap(1)
	wrap(7) // ModelProto.graph
	return b
}

// TestWrongRanks: ONNX Runtime sees what the structure does not tell.
func TestWrongRanks(t *testing.T) {
	b := newModel(13, 7)
	b.input("x", float, 2, 3)
	b.floats("w", 4, 5)
	b.node("MatMul", "x,w -> y", nil)
	b.outputs("y")
	path := b.file(t, onnx.SaveOptions{})
	if _, err := Open(t.Context(), path, importer.Sizes{}); err == nil || !strings.Contains(err.Error(), path) ||
		!strings.Contains(err.Error(), "MatMul") {
		t.Errorf("error is %v", err)
	}
}
