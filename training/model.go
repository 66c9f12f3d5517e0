package training

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fovea/inference"
	"fovea/onnx"
	"fovea/onnx/pb"
	"fovea/training/checkpoint"
)

// Metadata keys of model.onnx beside those with which package inference uses it.
const (
	metaConfig = "fovea.config"    // the run's resolved config, TOML
	metaScore  = "fovea.val_score" // (macro F1 + macro AUC + kappa)/3 on validation
)

// writeModel writes the inference model of checkpoints/best. The weights go
// from the checkpoint's files to the model's without being copied.
func (r *run) writeModel(path string) error {
	c, err := checkpoint.Read(filepath.Join(r.folder, bestCheckpoint))
	if err != nil {
		return err
	}
	defer c.Close()
	m, err := r.plan.network.deployed()
	if err != nil {
		return err
	}
	for _, t := range c.Parameters {
		initializer, err := onnx.NewTensor(t.Name, t.Type, t.Shape, t.Data)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(m.Graph.Input, func(v *pb.ValueInfoProto) bool { return v.GetName() == t.Name })
		j := slices.IndexFunc(m.Graph.Initializer, func(v *pb.TensorProto) bool { return v.GetName() == t.Name })
		switch {
		case j >= 0:
			m.Graph.Initializer[j] = initializer
		case i >= 0:
			m.Graph.Input = slices.Delete(m.Graph.Input, i, i+1)
			m.Graph.Initializer = append(m.Graph.Initializer, initializer)
		default:
			return fmt.Errorf("checkpoint tensor %s is no parameter of the model", t.Name)
		}
	}
	if len(m.Graph.Input) != 1 {
		return fmt.Errorf("the checkpoint lacks parameter %s", m.Graph.Input[1].GetName())
	}
	if err := r.describe(m); err != nil {
		return err
	}
	return onnx.Save(path, m, onnx.SaveOptions{})
}

// describe makes the model say how it wants its images and where it comes from.
func (r *run) describe(m *pb.ModelProto) error {
	t := r.plan.evalTransform()
	var config strings.Builder
	if err := r.plan.config.WriteTOML(&config); err != nil {
		return err
	}
	best, judging := r.best(), judgingOf(r.plan.config)
	d := inference.Description{Classes: r.plan.classes, Size: t.Size, Crop: t.CropPct, Mean: t.Mean[:], Std: t.Std[:],
		Epoch: best + 1, Half: judging.half, LossBatch: judging.lossBatch}
	d.WriteMetadata(m)
	onnx.SetMetadata(m, metaScore, strconv.FormatFloat(r.state.History[best].Val.Score, 'g', -1, 64))
	onnx.SetMetadata(m, metaConfig, config.String())
	return nil
}
