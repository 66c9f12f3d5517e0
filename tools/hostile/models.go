//go:build linux

package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/proto"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// models adds ONNX models for the commands that read them.
func (g *generator) models() {
	commands := map[string][]string{
		"inspect": {"inspect", "{}/m.onnx"}, "differentiate": {"differentiate", "-model", "{}/m.onnx", "-out", "{}/g.onnx"},
		"predict": classify("-model", "{}/m.onnx", "-classes", "a,b,c,d", image),
	}
	add := func(name string, content []byte) {
		for command, args := range commands {
			g.file(command, name, "m.onnx", content, args...)
		}
	}
	archive := g.read("onnx/limits/testdata/hostile.zip")
	if z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive))); err == nil {
		for _, f := range z.File {
			r, err := f.Open()
			if err == nil {
				var b []byte
				b, err = io.ReadAll(r)
				add(strings.TrimSuffix(f.Name, ".onnx"), b)
			}
			g.errs = append(g.errs, err)
		}
	}
	for _, name := range g.glob("onnx/limits/testdata/hostile/*.onnx") {
		add(strings.TrimSuffix(path.Base(name), ".onnx"), g.read(name))
	}
	for _, name := range []string{model, "onnx/testdata/inline.onnx", "inference/testdata/scores/qdq_softmax.onnx"} {
		b := g.read(name)
		for i, c := range damaged(b, 16, g.rng) {
			add(fmt.Sprintf("%s-damage%d", path.Base(name), i), c)
		}
	}
	b := g.read(model)
	long := strings.Repeat("n\x1b", million/2)
	mutate := func(name string, change func(m *pb.ModelProto)) {
		m, err := onnx.Unmarshal(b)
		if err != nil {
			g.errs = append(g.errs, err)
			return
		}
		change(m)
		out, err := proto.Marshal(m)
		if err != nil { // names that are not UTF-8
			g.errs = append(g.errs, fmt.Errorf("%s: %w", name, err))
			return
		}
		add(name, out)
	}
	for i, value := range []int64{0, -1, 1 << 31, 1 << 40, 1<<63 - 1, -1 << 63} {
		mutate(fmt.Sprintf("dims%d", i), func(m *pb.ModelProto) {
			for _, t := range m.Graph.Initializer {
				if len(t.Dims) > 0 {
					t.Dims[0] = value
				}
			}
		})
		mutate(fmt.Sprintf("input%d", i), func(m *pb.ModelProto) {
			for _, d := range m.Graph.Input[0].GetType().GetTensorType().GetShape().GetDim() {
				d.Value = &pb.TensorShapeProto_Dimension_DimValue{DimValue: value}
			}
		})
		mutate(fmt.Sprintf("attributes%d", i), func(m *pb.ModelProto) {
			for _, n := range m.Graph.Node {
				for _, a := range n.Attribute {
					a.I = proto.Int64(value)
					for j := range a.Ints {
						a.Ints[j] = value
					}
				}
			}
		})
		mutate(fmt.Sprintf("opset%d", i), func(m *pb.ModelProto) { m.OpsetImport[0].Version = &value })
	}
	for name, change := range map[string]func(m *pb.ModelProto){
		"op":     func(m *pb.ModelProto) { m.Graph.Node[0].OpType = &long },
		"node":   func(m *pb.ModelProto) { m.Graph.Node[0].Name, m.Graph.Node[0].OpType = &long, proto.String("No") },
		"domain": func(m *pb.ModelProto) { m.Graph.Node[0].Domain = &long },
		"output": func(m *pb.ModelProto) { m.Graph.Output[0].Name = &long },
		"input":  func(m *pb.ModelProto) { m.Graph.Input[0].Name = &long },
		"weight": func(m *pb.ModelProto) { m.Graph.Initializer[0].Name = &long },
		"value":  func(m *pb.ModelProto) { m.Graph.Node[0].Input[0] = long },
		"symbol": func(m *pb.ModelProto) {
			for _, d := range m.Graph.Input[0].GetType().GetTensorType().GetShape().GetDim() {
				d.Value = &pb.TensorShapeProto_Dimension_DimParam{DimParam: long}
			}
		},
		"rank": func(m *pb.ModelProto) { m.Graph.Initializer[0].Dims = make([]int64, million) },
		"rank-of-input": func(m *pb.ModelProto) {
			shape := m.Graph.Input[0].GetType().GetTensorType().GetShape()
			for range 200_000 {
				shape.Dim = append(shape.Dim, &pb.TensorShapeProto_Dimension{})
			}
		},
		"metadata": func(m *pb.ModelProto) {
			for _, key := range []string{"fovea.classes", "classes", "class_names", "names", "fovea.mean", long} {
				m.MetadataProps = append(m.MetadataProps, &pb.StringStringEntryProto{Key: proto.String(key), Value: proto.String("[\"" + long + "\"]")})
			}
		},
		"metadata-deep": func(m *pb.ModelProto) {
			m.MetadataProps = append(m.MetadataProps, &pb.StringStringEntryProto{Key: proto.String("fovea.classes"), Value: proto.String(strings.Repeat("[", million))})
		},
		"circle": func(m *pb.ModelProto) {
			n := m.Graph.Node
			n[0].Input[0] = n[len(n)-1].Output[0]
		},
		"twice": func(m *pb.ModelProto) { m.Graph.Node = append(m.Graph.Node, m.Graph.Node...) },
		"nodes": func(m *pb.ModelProto) {
			for i := range 200_000 {
				m.Graph.Node = append(m.Graph.Node, &pb.NodeProto{OpType: proto.String("Identity"), Input: []string{m.Graph.Node[0].Input[0]}, Output: []string{fmt.Sprint("i", i)}})
			}
		},
		"chain": func(m *pb.ModelProto) {
			last := m.Graph.Output[0].GetName()
			for i := range 20_000 {
				next := fmt.Sprint("c", i)
				m.Graph.Node = append(m.Graph.Node, &pb.NodeProto{OpType: proto.String("Relu"), Input: []string{last}, Output: []string{next}})
				last = next
			}
			m.Graph.Output[0].Name = &last
		},
		"inputs": func(m *pb.ModelProto) {
			m.Graph.Node = append(m.Graph.Node, &pb.NodeProto{OpType: proto.String("Sum"), Input: make([]string, million), Output: []string{"s"}})
		},
		"outputs": func(m *pb.ModelProto) {
			for range 100_000 {
				m.Graph.Output = append(m.Graph.Output, m.Graph.Output[0])
			}
		},
		"initializers": func(m *pb.ModelProto) {
			for i := range 300_000 {
				m.Graph.Initializer = append(m.Graph.Initializer, &pb.TensorProto{Name: proto.String(fmt.Sprint("w", i)), DataType: proto.Int32(1), FloatData: []float32{1}})
			}
		},
		"deep": func(m *pb.ModelProto) {
			inner := &pb.GraphProto{}
			for range 3000 {
				inner = &pb.GraphProto{Node: []*pb.NodeProto{{OpType: proto.String("If"), Input: []string{"c"}, Output: []string{"o"},
					Attribute: []*pb.AttributeProto{{Name: proto.String("then_branch"), Type: pb.AttributeProto_GRAPH.Enum(), G: inner}}}}}
			}
			m.Graph.Node = append(m.Graph.Node, inner.Node...)
		},
		"function": func(m *pb.ModelProto) {
			m.Functions = append(m.Functions, &pb.FunctionProto{Name: proto.String("F"), Domain: proto.String("d"), Output: []string{"o"},
				OpsetImport: m.OpsetImport, Node: []*pb.NodeProto{{OpType: proto.String("F"), Domain: proto.String("d"), Output: []string{"o"}}}})
			m.Graph.Node = append(m.Graph.Node, &pb.NodeProto{OpType: proto.String("F"), Domain: proto.String("d"), Output: []string{"o"}})
		},
		"type": func(m *pb.ModelProto) { m.Graph.Initializer[0].DataType = proto.Int32(1 << 30) },
		"raw":  func(m *pb.ModelProto) { m.Graph.Initializer[0].RawData = make([]byte, 1<<24) },
		"none": func(m *pb.ModelProto) { m.Graph = nil },
		"bare": func(m *pb.ModelProto) { m.Graph.Node = []*pb.NodeProto{{}, {}} },
	} {
		mutate("model-"+name, change)
	}
	external := func(name, location string, prepare func(dir string) error) {
		m, err := onnx.Unmarshal(b)
		if err != nil {
			g.errs = append(g.errs, err)
			return
		}
		for _, t := range m.Graph.Initializer {
			t.RawData, t.FloatData, t.DataLocation = nil, nil, pb.TensorProto_EXTERNAL.Enum()
			t.ExternalData = []*pb.StringStringEntryProto{{Key: proto.String("location"), Value: &location},
				{Key: proto.String("offset"), Value: proto.String("9223372036854775807")}}
		}
		out, err := proto.Marshal(m)
		g.errs = append(g.errs, err)
		for command, args := range commands {
			g.add(input{reader: command, name: "external-" + name, path: "m.onnx", args: args, write: func(dir string) error {
				return errors.Join(os.WriteFile(filepath.Join(dir, "m.onnx"), out, 0o666), prepare(dir))
			}})
		}
	}
	none := func(string) error { return nil }
	external("pipe", "w", func(dir string) error { return mkfifo(filepath.Join(dir, "w")) })
	external("device", "w", func(dir string) error { return os.Symlink("/dev/zero", filepath.Join(dir, "w")) })
	external("parent", "../../etc/passwd", none)
	external("long", long, none)
	external("sparse", "w", func(dir string) error {
		path := filepath.Join(dir, "w")
		return errors.Join(os.WriteFile(path, nil, 0o666), os.Truncate(path, 1<<40))
	})
	for command, args := range commands {
		g.sparse(command, "sparse", "m.onnx", b, 1<<33, args...)
		g.repeated(command, "tags", "m.onnx", "", "\x08\x01", 30*million, "", args...)
		g.repeated(command, "graphs", "m.onnx", string(b), "\x3a\x00", 30*million, "", args...)
		g.repeated(command, "empty-nodes", "m.onnx", "\x08\x08\x3a\x80\x80\x80\x04", "\x0a\x00", 4*million, "", args...)
	}
}

// weights adds files of weights.
func (g *generator) weights() {
	inspect := func(file string) []string { return []string{"inspect", "{}/" + file} }
	train := []string{"artifacts", "-config", "configs/retinamnist.toml", "-out", "{}/out", "-set"}
	use := func(file string) []string { return append(train[:len(train):len(train)], "model.weights={}/"+file) }
	for _, name := range []string{"onnx/weights/testdata/odd_zip.pth", "onnx/weights/testdata/odd_legacy.pth", "onnx/weights/testdata/odd.safetensors",
		"onnx/weights/testdata/types.safetensors", "models/pretrained/testdata/vit.pdparams", "models/pretrained/testdata/teacher.pth"} {
		file := "w" + path.Ext(name)
		g.damage("weights", file, g.read(name), 24, inspect(file)...)
		g.damage("pretrained", file, g.read(name), 8, use(file)...)
	}
	tensors := func(name, header string) {
		b := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
		g.file("safetensors", name, "w.safetensors", append(b, make([]byte, 64)...), inspect("w.safetensors")...)
	}
	one := func(shape, begin, end string) string {
		return `{"a":{"dtype":"F32","shape":[` + shape + `],"data_offsets":[` + begin + "," + end + `]}}`
	}
	for name, header := range map[string]string{
		"deep": strings.Repeat("[", million), "deep-value": `{"a":` + strings.Repeat("[", million), "deep-objects": strings.Repeat(`{"a":`, million),
		"shape": one(strings.Repeat("1,", million)+"16", "0", "64"), "negative": one("-1", "0", "64"), "product": one("4294967296,4294967296", "0", "64"),
		"offsets": one("16", "18446744073709551615", "64"), "end": one("16", "0", "9223372036854775807"), "name": `{"` + strings.Repeat("n", million) + `":1}`,
		"dtype":    `{"a":{"dtype":"` + strings.Repeat("F", million) + `","shape":[16],"data_offsets":[0,64]}}`,
		"metadata": `{"__metadata__":{"a":"` + strings.Repeat("m", million) + `"}}`, "metadata-kind": `{"__metadata__":` + strings.Repeat("[", million) + `}`,
		"tensors": `{` + strings.Repeat(`"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},`, 10_000) + `"b":1}`, "numbers": one(strings.Repeat("9", million), "0", "64"),
		"parts": `{"` + strings.Repeat("a.", million) + `":{"dtype":"F32","shape":[16],"data_offsets":[0,64]}}`,
		"keys":  `{"a":{` + strings.Repeat(`"x":1,`, million) + `"y":1}}`, "space": strings.Repeat(" ", 90*million), "entries": `{"a":{"dtype":"F32","shape":[16],"data_offsets":[` + strings.Repeat("0,", million) + `0]}}`,
	} {
		tensors(name, header)
	}
	var many strings.Builder
	many.WriteString("{")
	for i := range 1_000_000 {
		fmt.Fprintf(&many, `"t%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},`, i)
	}
	tensors("many", many.String()+`"z":{"dtype":"F32","shape":[16],"data_offsets":[0,64]}}`)
	g.sparse("safetensors", "length", "w.safetensors", binary.LittleEndian.AppendUint64(nil, 1<<62), 1<<33, inspect("w.safetensors")...)
	g.sparse("safetensors", "zeros", "w.safetensors", []byte("\x00\x00\x00\x05\x00\x00\x00\x00{"), 1<<33, inspect("w.safetensors")...)

	pickles := map[string]string{
		"lists": strings.Repeat("]", million), "lists-closed": strings.Repeat("]", million) + strings.Repeat("a", million-1) + ".",
		"tuples": ")" + strings.Repeat("\x85", million) + ".", "doubling": ")" + strings.Repeat("2\x86", 100) + ".",
		"doubling-dict": "}q\x00" + strings.Repeat("}q\x01h\x00s", million/8) + ".", "marks": strings.Repeat("(", 4*million) + "t.",
		"string": "\x8d" + "\xff\xff\xff\xff\xff\xff\xff\x3f" + "a.", "bytes": "\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.", "long": "\x8b\xff\xff\xff\x7f1.",
		"integer": "I" + strings.Repeat("9", 4*million) + "\n.", "integer-long": "L" + strings.Repeat("9", million) + "L\n.",
		"frame": "\x95\xff\xff\xff\xff\xff\xff\xff\x7f.", "memo": "j\xff\xff\xff\xff.", "put": "Nr\xff\xff\xff\x7f.", "puts": strings.Repeat("Nr\xff\xff\xff\x0f0", 1000) + "N.",
		"global": "c" + strings.Repeat("m", million) + "\n" + strings.Repeat("n", million) + "\n.", "system": "cos\nsystem\n(X\x02\x00\x00\x00idtR.",
		"reduce": "cbuiltins\nexec\n(X\x01\x00\x00\x00atR.", "persistent": "(" + strings.Repeat("K\x01", million) + "tQ.", "circle": "]q\x00h\x00a.",
		"circle-dict": "}q\x00X\x01\x00\x00\x00ah\x00s.", "nones": strings.Repeat("N", 16*million) + ".", "dups": "N" + strings.Repeat("2", 32*million) + ".",
		"memos": "N" + strings.Repeat("\x94", 32*million) + ".", "key": "}X\x00\x00\x10\x00" + strings.Repeat("k", million) + "Ns.",
		"tensor": "}X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x10tQ" +
			"K\x00(\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7ft(K\x01t\x89}tRs.",
	}
	for name, program := range pickles {
		program = "\x80\x02" + program
		g.file("pickle", name, "w.pdparams", []byte(program), inspect("w.pdparams")...)
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		f, err := w.CreateHeader(&zip.FileHeader{Name: "a/data.pkl", Method: zip.Store})
		if err == nil {
			_, err = io.WriteString(f, program)
		}
		g.errs = append(g.errs, err)
		f, err = w.CreateHeader(&zip.FileHeader{Name: "a/data/0", Method: zip.Store})
		if err == nil {
			_, err = f.Write(make([]byte, 64))
		}
		g.errs = append(g.errs, err, w.Close())
		g.file("pickle", "zip-"+name, "w.pth", b.Bytes(), inspect("w.pth")...)
	}
	g.lazy("weights", "compressed", "w.pth", func() []byte {
		return g.zipped(part{"a/data.pkl", times("", "\x00", 300*million, "")})
	}, inspect("w.pth")...)
	g.file("weights", "npz", "w.npz", g.zipped(part{"a.npy", strings.NewReader("\x93NUMPY\x01\x00\xff\xff{}")}), inspect("w.npz")...)
	g.lazy("weights", "members", "w.pth", func() []byte { return g.zipped(empty("a/data/%d", 300_000)...) }, inspect("w.pth")...)
	for name, text := range map[string]string{"deep": strings.Repeat("[", million), "map": `{"weight_map":{` + strings.Repeat(`"a":"b",`, 2*million-10) + `"c":"d"}}`,
		"name": `{"weight_map":{"a":"` + strings.Repeat("f", million) + `"}}`, "itself": `{"weight_map":{"a":"w.index.json"}}`, "parent": `{"weight_map":{"a":"../../x"}}`,
		"large": `{"weight_map":{` + strings.Repeat(" ", 300*million)} {
		g.file("index", name, "w.index.json", []byte(text), inspect("w.index.json")...)
	}
}
