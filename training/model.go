package training

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fovea/data"
	"fovea/onnx"
	"fovea/onnx/pb"
	"fovea/training/checkpoint"
)

// Metadata keys of model.onnx: all that is needed to use it on an image file.
const (
	metaClasses       = "fovea.classes"       // JSON array of names, in the order of the outputs
	metaSize          = "fovea.image_size"    // S, pixels
	metaCrop          = "fovea.crop_fraction" // see metaResize
	metaResize        = "fovea.resize"        // in words
	metaMean          = "fovea.mean"          // JSON array, RGB in [0,1]
	metaStd           = "fovea.std"           // JSON array
	metaProbabilities = "fovea.probabilities" // "fp32" or "fp16", how metrics round
	metaLossBatch     = "fovea.loss_batch"    // images a batch of the loss's mean; 0: over images
	metaConfig        = "fovea.config"        // the run's resolved config, TOML
	metaEpoch         = "fovea.best_epoch"    // counted from 1
	metaScore         = "fovea.val_score"     // (macro F1 + macro AUC + kappa)/3 on validation
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
	list := func(x any) string { text, _ := json.Marshal(x); return string(text) }
	var config strings.Builder
	if err := r.plan.config.WriteTOML(&config); err != nil {
		return err
	}
	best := r.best()
	for _, entry := range [][2]string{
		{metaClasses, list(r.plan.classes)},
		{metaSize, strconv.Itoa(t.Size)},
		{metaCrop, strconv.FormatFloat(t.CropPct, 'g', -1, 64)},
		{metaResize, "RGB; shorter side to floor(image_size/crop_fraction), antialiased bicubic (Pillow); " +
			"centre crop; scale to [0,1]; subtract mean, divide by std; NCHW float32"},
		{metaMean, list(t.Mean)},
		{metaStd, list(t.Std)},
		{metaEpoch, strconv.Itoa(best + 1)},
		{metaScore, strconv.FormatFloat(r.state.History[best].Val.Score, 'g', -1, 64)},
		{metaProbabilities, r.plan.config.Evaluation.Probabilities},
		{metaLossBatch, strconv.Itoa(judgingOf(r.plan.config).lossBatch)},
		{metaConfig, config.String()},
	} {
		onnx.SetMetadata(m, entry[0], entry[1])
	}
	return nil
}

// description is what a model.onnx says of itself.
type description struct {
	classes   []string
	transform data.EvalTransform
	epoch     int // the best, counted from 1
	judging   judging
}

// readDescription reads the metadata of a model file.
func readDescription(path string) (*description, error) {
	m, err := onnx.Open(path)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	d := &description{}
	for _, field := range []struct {
		key string
		to  any
	}{
		{metaClasses, &d.classes}, {metaSize, &d.transform.Size}, {metaCrop, &d.transform.CropPct},
		{metaMean, &d.transform.Mean}, {metaStd, &d.transform.Std}, {metaEpoch, &d.epoch},
		{metaLossBatch, &d.judging.lossBatch},
	} {
		text, ok := onnx.Metadata(m.Proto, field.key)
		if !ok {
			return nil, fmt.Errorf("%s has no metadata %q: it is no model that a run of fovea wrote", path, field.key)
		}
		if err := json.Unmarshal([]byte(text), field.to); err != nil {
			return nil, fmt.Errorf("%s: metadata %q: %w", path, field.key, err)
		}
	}
	text, _ := onnx.Metadata(m.Proto, metaProbabilities)
	d.judging.half = text == "fp16"
	if err := d.transform.Check(); err != nil {
		return nil, fmt.Errorf("%s: metadata: %w", path, err)
	}
	return d, nil
}
