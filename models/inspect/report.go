package inspect

import (
	"fmt"
	"os"
	"strings"

	"fovea/onnx/weights"
)

// A Report holds the contents of a file. Either Model or Weights is set.
type Report struct {
	Path    string         `json:"path"`
	Format  weights.Format `json:"format"`
	Bytes   int64          `json:"bytes"` // without external data
	Model   *Model         `json:"model,omitempty"`
	Weights *Weights       `json:"weights,omitempty"`

	scopes map[string][]string // of nodes, by node name and by result name
}

// Open reads the structure of a file, whatever its format.
func Open(path string) (*Report, error) {
	format, err := weights.Detect(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	r := &Report{Path: path, Format: format, Bytes: info.Size()}
	if format == weights.ONNX {
		err = r.readModel()
	} else {
		r.Weights, err = readWeights(path)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// A Tally counts tensors.
type Tally struct {
	Tensors  int   `json:"tensors"`
	Elements int64 `json:"elements"`
	Bytes    int64 `json:"bytes"`
}

func (t *Tally) add(elements, bytes int64) {
	t.Tensors++
	t.Elements += elements
	t.Bytes += bytes
}

// A Value is a tensor that a model reads, computes or stores. A dimension is a number, or the name of a symbol.
type Value struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape []any  `json:"shape"` // nil if the rank is unknown
}

func (v Value) String() string { return v.Name + " " + v.form() }

// form returns the type with the shape, such as float32[batch,3].
func (v Value) form() string {
	if v.Shape == nil {
		return v.Type + " of unknown rank"
	}
	shape := make([]string, len(v.Shape))
	for i, d := range v.Shape {
		shape[i] = fmt.Sprint(d)
	}
	return v.Type + "[" + strings.Join(shape, ",") + "]"
}

func sizes(shape []int64) []any {
	out := make([]any, len(shape))
	for i, d := range shape {
		out[i] = d
	}
	return out
}
