package artifacts

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"fovea/graphs"
	"fovea/internal/durable"
	"fovea/onnx"
	"fovea/onnx/pb"
	"fovea/onnx/weights"
)

// These are the names of the files in a folder of artifacts.
const (
	TrainingFile = "training.onnx"
	EvalFile     = "eval.onnx"
	WeightsFile  = "model.safetensors"
	ManifestFile = "artifacts.json"
)

// A Set describes the artifacts that Write writes.
type Set struct {
	Model      Model
	About      any // description of the model in artifacts.json
	Batch      int64
	Options    Options
	Half       pb.TensorProto_DataType // FLOAT16 or BFLOAT16 for mixed precision; anything else for float32
	Parameters []Parameter
	Weights    []weights.Tensor // the parameters' initial values
}

// A Parameter describes a tensor of the model and how the optimizer treats it.
type Parameter struct {
	Name        string  `json:"name"`
	Shape       []int64 `json:"shape"`
	Layer       int     `json:"layer"`        // 0 for embeddings, then blocks or parts, then the head
	RateScale   float64 `json:"rate_scale"`   // factor of the learning rate
	WeightDecay float64 `json:"weight_decay"` // decoupled
	Frozen      bool    `json:"frozen,omitempty"`
}

// A manifest holds the contents of artifacts.json.
type manifest struct {
	Version    int                  `json:"version"`
	Model      any                  `json:"model"`
	Batch      int64                `json:"batch"`
	Precision  string               `json:"precision"` // "fp32", "bf16" or "fp16"
	Graphs     map[string]signature `json:"graphs"`    // by file
	Parameters []Parameter          `json:"parameters"`
	Weights    string               `json:"weights"`
}

type signature struct {
	Inputs  []tensor `json:"inputs"`
	Outputs []tensor `json:"outputs"`
}

type tensor struct {
	Name  string  `json:"name"`
	Type  string  `json:"type"`
	Shape []int64 `json:"shape"` // -1 stands for any size
}

// Write makes the folder dir and writes the artifacts into it. Each file appears only when it is complete,
// artifacts.json last.
func Write(dir string, s Set) error {
	if err := durable.MakeFolder(dir); err != nil {
		return fmt.Errorf("writing artifacts: %w", err)
	}
	if err := weights.Write(filepath.Join(dir, WeightsFile), s.Weights, map[string]string{"format": "pt"}); err != nil {
		return err
	}
	m := manifest{Version: 1, Model: s.About, Batch: s.Batch, Precision: precision(s.Half),
		Parameters: s.Parameters, Weights: WeightsFile, Graphs: map[string]signature{}}
	for file, build := range map[string]func() (*graphs.Graph, error){
		TrainingFile: func() (*graphs.Graph, error) { return Training(s.Model, s.Batch, s.Options) },
		EvalFile:     func() (*graphs.Graph, error) { return Eval(s.Model, s.Batch) },
	} {
		g, err := build()
		if err != nil {
			return err
		}
		g.Mix(s.Half)
		model, err := g.Model()
		if err != nil {
			return err
		}
		if err := onnx.Save(filepath.Join(dir, file), model, onnx.SaveOptions{}); err != nil {
			return err
		}
		m.Graphs[file] = signature{tensors(g.Inputs), tensors(g.Outputs)}
	}
	return durable.Write(filepath.Join(dir, ManifestFile), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(m)
	})
}

func precision(half pb.TensorProto_DataType) string {
	switch half {
	case graphs.BFloat16:
		return "bf16"
	case graphs.Float16:
		return "fp16"
	}
	return "fp32"
}

func tensors(values []*graphs.Value) []tensor {
	out := make([]tensor, len(values))
	for i, v := range values {
		out[i] = tensor{v.Name, onnx.TypeName(v.Type), v.Shape}
	}
	return out
}
