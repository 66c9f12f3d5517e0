package main

import (
	"context"
	"fmt"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/graphs/vit"
	"fovea/onnx/engine"
	"fovea/onnx/ort"
	"fovea/tools/worker"
)

// placement looks where the nodes of every graph land.
func placement(ctx context.Context, s *section) error {
	if !s.cuda() {
		return skip("placement is a question of the CUDA provider")
	}
	m := s.Sizes.Speed
	v := artifacts.ViT(vit.Config{ImageSize: int64(m.Size), Patch: int64(m.Patch), Width: int64(m.Width), Depth: m.Depth,
		Heads: int64(m.Heads), Classes: worker.Classes, Pool: vit.Mean})
	batch := int64(m.Batch)
	trained := []namedGraph{
		{"training", func() (*graphs.Graph, error) { return artifacts.Training(v, batch, artifacts.Options{}) }},
		{`training, recompute = "full"`, func() (*graphs.Graph, error) {
			return artifacts.Training(v, batch, artifacts.Options{Recompute: true})
		}},
		{"evaluation", func() (*graphs.Graph, error) { return artifacts.Eval(v, batch) }},
		{"training of a linear probe", func() (*graphs.Graph, error) {
			return artifacts.Probe(v, batch, artifacts.Options{})
		}},
	}
	s.table(m.String(), "graph", "precision", "nodes", "placement", "")
	for _, precision := range []string{"fp32", "bf16", "fp16"} { // tf32 has the graphs of fp32
		for _, g := range trained {
			if err := s.checkPlacement(ctx, g, precision); err != nil {
				return err
			}
		}
	}
	return nil
}

// A namedGraph makes a graph that is checked.
type namedGraph struct {
	name string
	make func() (*graphs.Graph, error)
}

func (s *section) checkPlacement(ctx context.Context, n namedGraph, precision string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g, err := n.make()
	if err != nil {
		return err
	}
	g.Mix(engine.HalfType(precision))
	model, err := g.Marshal()
	if err != nil {
		return err
	}
	found := "wholly on CUDA, capture admitted"
	if err = ort.CheckPlacement(model); err != nil {
		found = err.Error()
	}
	s.judge(err == nil, n.name+" in "+precision, n.name, precision, fmt.Sprint(len(g.Nodes)), found)
	return nil
}
