package training

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"

	"fovea/graphs/artifacts"
	"fovea/graphs/transfer"
	"fovea/graphs/vit"
	"fovea/inference"
	"fovea/internal/progress"
	"fovea/models/imported"
	"fovea/models/pretrained"
	"fovea/onnx/pb"
	"fovea/training/config"
	"fovea/training/optim"
)

// network is the model of a run: a ViT that Fovea builds, or an ONNX model.
type network interface {
	artifacts.Model
	tensors() []optim.Tensor  // parameters, the lowest layer first
	fixed() map[string]string // parameters that are never trained, and why
	images() string           // name of the input
	initialize(i int, values []float32, seed uint64)
	deployed() (*pb.ModelProto, error) // parameters are inputs or initializers
	about() any                        // for artifacts.json
	report()                           // logs what the run is about to train
	digest() string                    // of the files that a resumed run must find again; empty: none
	close() error
}

// newNetwork opens the model of a config. An ONNX model is run once.
func newNetwork(ctx context.Context, cfg *config.Config, classes int, progress progress.Func) (network, error) {
	if cfg.Model.ONNX == "" {
		return newViT(cfg, classes)
	}
	if _, err := loadRuntime(ctx, cfg.Runtime, progress); err != nil {
		return nil, err
	}
	return openONNX(cfg, classes)
}

// builtin is RETFound's ViT.
type builtin struct {
	artifacts.ViT
	list []vit.Parameter
}

func newViT(cfg *config.Config, classes int) (*builtin, error) {
	c := cfg.Model.Dimensions().Config(cfg.Data.Size, classes)
	c.FCNormTwice = cfg.Model.FCNormTwice
	return &builtin{artifacts.ViT(c), c.Parameters()}, c.Validate()
}

func (n *builtin) tensors() (out []optim.Tensor) {
	for _, t := range n.list {
		out = append(out, optim.OfViT(t.Name, t.Shape, n.Depth))
	}
	return out
}

func (n *builtin) fixed() map[string]string { return nil }
func (n *builtin) images() string           { return artifacts.Images }
func (n *builtin) about() any               { return vit.Config(n.ViT) }
func (n *builtin) report()                  {}
func (n *builtin) digest() string           { return "" }
func (n *builtin) close() error             { return nil }

func (n *builtin) initialize(i int, values []float32, seed uint64) {
	n.list[i].Initialize(values, seed, i)
}

func (n *builtin) deployed() (*pb.ModelProto, error) {
	g, err := artifacts.Inference(vit.Config(n.ViT))
	if err != nil {
		return nil, err
	}
	return g.Model()
}

// foreign is the model of model.onnx.
type foreign struct {
	*imported.Classifier
	file string
	data config.Data
}

func openONNX(cfg *config.Config, classes int) (*foreign, error) {
	o := imported.Options{Size: int64(cfg.Data.Size), Batch: int64(cfg.Training.Batch), Classes: int64(classes),
		Head: cfg.Model.Head, Layering: transfer.Layering{Parts: cfg.Optimizer.Layers}}
	if text := cfg.Optimizer.LayerPattern; text != "" {
		pattern, err := regexp.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("optimizer.layer_pattern: %w", err)
		}
		o.Layering.By = pattern
	}
	c, err := imported.OpenClassifier(cfg.Model.ONNX, o)
	if err != nil {
		return nil, fmt.Errorf("model.onnx: %w", err)
	}
	return &foreign{c, cfg.Model.ONNX, cfg.Data}, nil
}

func (n *foreign) tensors() (out []optim.Tensor) {
	for _, p := range n.Parameters {
		out = append(out, optim.Tensor{Name: p.Name, Shape: p.Shape, Layer: p.Layer, Decay: p.Decay})
	}
	return out
}

func (n *foreign) fixed() map[string]string {
	out := map[string]string{}
	for _, p := range n.Parameters {
		if p.Fixed != "" {
			out[p.Name] = p.Fixed
		}
	}
	return out
}

func (n *foreign) images() string                    { return n.Images }
func (n *foreign) digest() string                    { return n.Digest() }
func (n *foreign) close() error                      { return n.Close() }
func (n *foreign) deployed() (*pb.ModelProto, error) { return n.Deployed(), nil }

// report tells what was made of the file.
func (n *foreign) report() {
	left := map[string]int{}
	for _, why := range n.fixed() {
		left[why]++
	}
	line := []any{"file", n.file, "head", n.Head.String(), "layers", n.Layers, "parameters", len(n.Parameters)}
	for _, why := range slices.Sorted(maps.Keys(left)) {
		line = append(line, "fixed: "+why, left[why])
	}
	slog.Info("model", line...)
	n.compareNormalisation()
}

// compareNormalisation warns where a file that tells how its images were
// normalised, as those of Fovea do, was trained otherwise.
func (n *foreign) compareNormalisation() {
	before := inference.Normalisation(n.Metadata)
	for name, now := range map[string][3]float64{"mean": n.data.Mean, "std": n.data.Std} {
		if was, told := before[name]; told && was != narrow(now) {
			slog.Warn("the model was trained on images that were normalised otherwise", "key", "data."+name, "now", now, "before", was)
		}
	}
}

func (n *foreign) about() any {
	return map[string]any{"onnx": n.file, "head": n.Head.Node, "images": n.Images, "layers": n.Layers}
}

func (n *foreign) initialize(i int, values []float32, seed uint64) {
	switch name := n.Parameters[i].Name; name {
	case transfer.HeadWeight:
		pretrained.DrawHead(values, seed)
	default:
		n.Initial(name, values)
	}
}
