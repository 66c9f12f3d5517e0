package main

import (
	"context"
	"fmt"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/graphs/vit"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// placement looks where the nodes of every graph land.
func placement(ctx context.Context, s *section) error {
	if !s.cuda() {
		return skip("placement is a question of the CUDA provider")
	}
	m := s.Sizes.Placement
	v := artifacts.ViT(vit.Config{ImageSize: int64(m.Size), Patch: int64(m.Patch), Width: int64(m.Width), Depth: m.Depth, Heads: int64(m.Heads),
		Classes: classes, Pool: vit.Mean})
	batch := int64(m.Batch)
	s.table(m.String(), "graph", "precision", "nodes", "placement", "")
	check := func(name, precision string, build func() (*graphs.Graph, error)) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		g, err := build()
		if err != nil {
			return err
		}
		g.Mix(halfTypes[precision])
		model, err := g.Marshal()
		if err != nil {
			return err
		}
		shown := "wholly on CUDA, capture admitted"
		if err = ort.CheckPlacement(model); err != nil {
			shown = err.Error()
		}
		s.row(name, precision, fmt.Sprint(len(g.Nodes)), shown, verdictOf(err == nil))
		s.require(err == nil, "%s in %s", name, precision)
		return nil
	}
	for _, p := range []string{"fp32", "bf16", "fp16"} { // tf32 has the graphs of fp32
		for _, x := range []built{
			{"training", func() (*graphs.Graph, error) { return artifacts.Training(v, batch, artifacts.Options{}) }},
			{`training, recompute = "full"`, func() (*graphs.Graph, error) {
				return artifacts.Training(v, batch, artifacts.Options{Recompute: true})
			}},
			{"evaluation", func() (*graphs.Graph, error) { return artifacts.Eval(v, batch) }},
			{"training of a linear probe", func() (*graphs.Graph, error) { return artifacts.Probe(v, batch, artifacts.Options{}) }},
		} {
			if err := check(x.name, p, x.build); err != nil {
				return err
			}
		}
	}
	for _, x := range []built{{"optimizer", artifacts.Optimizer}, {"sum of squares", artifacts.SquareSum},
		{"accumulation", artifacts.Accumulate}, {"moving average", artifacts.Average}} {
		if err := check(x.name, "fp32", x.build); err != nil {
			return err
		}
	}
	return nil
}

// built is a graph that is checked.
type built struct {
	name  string
	build func() (*graphs.Graph, error)
}

// halfTypes beside float32.
var halfTypes = map[string]pb.TensorProto_DataType{"fp32": graphs.Float32, "bf16": graphs.BFloat16, "fp16": graphs.Float16}
