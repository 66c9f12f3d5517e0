package ort

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// A fault is what versions of the runtime before one compute wrongly, as the cases of ONNX show.
type fault struct {
	before int // minor version that computes it rightly
	what   string
	op     string
	in     func(n *pb.NodeProto, opset int64) bool
}

var faults = []fault{
	{28, "Attention where a query may see no key, or with causality and a number of keys for each image", "Attention",
		func(n *pb.NodeProto, _ int64) bool {
			return n.GetDomain() == "" && (integerOf(n, "is_causal") == 1 || len(n.GetInput()) > 3)
		}},
	{28, "Attention of com.microsoft without a bias (it ends the process)", "Attention",
		func(n *pb.NodeProto, _ int64) bool {
			return n.GetDomain() == "com.microsoft" && (len(n.GetInput()) < 3 || n.Input[2] == "")
		}},
	{28, "ReverseSequence along axis 1", "ReverseSequence",
		func(n *pb.NodeProto, _ int64) bool { return integerOf(n, "time_axis") == 1 }},
	{28, "Resize that crops by default, tf_crop_and_resize without a box, along some axes", "Resize",
		func(n *pb.NodeProto, _ int64) bool {
			return textOf(n, "coordinate_transformation_mode") == "tf_crop_and_resize" &&
				(len(n.GetInput()) < 2 || n.Input[1] == "")
		}},
	{32, "AveragePool of opset 18 and before with ceil_mode and count_include_pad", "AveragePool",
		func(n *pb.NodeProto, opset int64) bool {
			return opset < 19 && integerOf(n, "ceil_mode") == 1 && integerOf(n, "count_include_pad") == 1
		}},
}

// Faults lists what a version of the runtime computes wrongly and a model has.
func Faults(version string, m *pb.ModelProto) (list []string) {
	major, minor, ok := parseVersion(version)
	if !ok || major != 1 {
		return nil
	}
	for _, f := range faults {
		has := f.among(m.GetGraph().GetNode(), m.GetOpsetImport())
		for _, function := range m.GetFunctions() {
			has = has || f.among(function.GetNode(), function.GetOpsetImport())
		}
		if minor < f.before && has {
			list = append(list, fmt.Sprintf("%s (right from 1.%d on)", f.what, f.before))
		}
	}
	return list
}

// among reports whether one of nodes has the fault, or one of their branches and loops.
func (f *fault) among(nodes []*pb.NodeProto, opsets []*pb.OperatorSetIdProto) bool {
	opset := int64(0)
	for _, o := range opsets {
		if onnx.CanonicalDomain(o.GetDomain()) == "" {
			opset = o.GetVersion()
		}
	}
	return slices.ContainsFunc(nodes, func(n *pb.NodeProto) bool {
		return n.GetOpType() == f.op && f.in(n, opset) || slices.ContainsFunc(n.GetAttribute(),
			func(a *pb.AttributeProto) bool { return f.among(a.GetG().GetNode(), opsets) })
	})
}

var warned sync.Map // texts that WarnOfFaults has logged

// WarnOfFaults logs once what the runtime in use computes wrongly of a model.
func WarnOfFaults(m *pb.ModelProto) {
	library := InUse()
	if library == nil {
		return
	}
	list := Faults(library.Version, m)
	if _, known := warned.LoadOrStore(strings.Join(list, "; "), true); len(list) > 0 && !known {
		slog.Warn("this version of ONNX Runtime computes parts of the model wrongly: install a newer one, "+
			"with trainer runtime install or pip install onnxruntime", "version", library.Version,
			"parts", strings.Join(list, "; "))
	}
}

func attributeOf(n *pb.NodeProto, name string) *pb.AttributeProto {
	for _, a := range n.GetAttribute() {
		if a.GetName() == name {
			return a
		}
	}
	return nil
}

func integerOf(n *pb.NodeProto, name string) int64 { return attributeOf(n, name).GetI() }

func textOf(n *pb.NodeProto, name string) string { return string(attributeOf(n, name).GetS()) }
