package trained

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"fovea/graphs/artifacts"
	"fovea/graphs/vit"
	"fovea/internal/numbers"
	"fovea/internal/parallel"
	"fovea/internal/regular"
	"fovea/models/pretrained"
	"fovea/onnx"
	"fovea/onnx/pb"
	"fovea/onnx/weights"
)

// Settings say of a weight file what it may not say itself. The zero value says nothing.
type Settings struct {
	Heads       int64  `json:"heads,omitempty" toml:"heads"`                 // of attention; 0: those of published models of this width
	FCNormTwice *bool  `json:"fc_norm_twice,omitempty" toml:"fc_norm_twice"` // see vit.Config; nil: as the file's arguments say
	From        string `json:"from,omitempty" toml:"from"`                   // see pretrained.Options
}

const largestSize = 1 << 14 // pixels, as data.size of a config

// A Classifier is an open model file.
type Classifier struct {
	*onnx.Model
	Weights *Weights // nil for an ONNX file
}

// Weights are what a weight file tells beside the graph.
type Weights struct {
	Facts
	Config vit.Config
	Report pretrained.Report
}

// Open opens a model file for images with a side of size pixels. A size of 0 is the file's own. ONNX files are opened as
// they are, whatever the size.
func Open(path string, s Settings, size int64) (*Classifier, error) {
	format, err := weights.Detect(path)
	if err != nil {
		return nil, err
	}
	if format == weights.ONNX {
		m, err := onnx.Open(path)
		if err != nil {
			return nil, err
		}
		return &Classifier{Model: m}, nil
	}
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	w, match, err := read(f, s, size)
	var m *pb.ModelProto
	if err == nil {
		m, err = write(w, match)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Classifier{onnx.NewModel(m, f.Close), w}, nil
}

// Describe tells what model is in a weight file.
func Describe(f *weights.File, s Settings, size int64) (*Weights, error) {
	w, _, err := read(f, s, size)
	return w, err
}

// read finds the model in a weight file, and matches all of its parameters.
func read(f *weights.File, s Settings, size int64) (*Weights, *pretrained.Match, error) {
	outlines := pretrained.Outlines(f, s.From)
	if len(outlines) == 0 {
		if others := pretrained.Outlines(f, ""); s.From != "" && len(others) > 0 {
			return nil, nil, fmt.Errorf("there is no model at model.weights_from = %.100q: the one that is found without this "+
				"setting is at %q", s.From, cmp.Or(others[0].Dict, "the top of the file"))
		}
		return nil, nil, errors.New("this is a weight file, and its names are those of no Vision Transformer that is known: " +
			"export the model to ONNX with the program that it is of")
	}
	o := outlines[0]
	w := &Weights{Facts: factsOf(f.Values, int(cmp.Or(size, o.Config.ImageSize))), Config: o.Config}
	c := &w.Config
	about := fmt.Sprintf("a Vision Transformer of width %d with %d blocks, in the layout %q", c.Width, c.Depth, o.Layout)
	switch {
	case c.Classes == 0:
		return nil, nil, fmt.Errorf("it holds %s, but no head, so it is no classifier: fine-tune it, as model.weights of a "+
			"config", about)
	case o.Head != c.FeatureWidth():
		return nil, nil, fmt.Errorf("it holds %s, whose head reads %d features instead of %d: such heads are not read", about,
			o.Head, c.FeatureWidth())
	}
	c.ImageSize = cmp.Or(int64(w.Size), 14*c.Patch)
	if c.ImageSize > largestSize {
		return nil, nil, fmt.Errorf("a size of %d pixels is too large for %s, the largest is %d: say another with -size",
			c.ImageSize, about, largestSize)
	}
	if c.ImageSize%c.Patch != 0 {
		return nil, nil, fmt.Errorf("a size of %d pixels is no multiple of the patches of %s, %d pixels", c.ImageSize, about,
			c.Patch)
	}
	if s.Heads > 0 {
		c.Heads = s.Heads
	}
	if c.Width%c.Heads != 0 {
		return nil, nil, fmt.Errorf("it holds %s, which cannot have %d heads: say their number with -set model.heads=N", about,
			c.Heads)
	}
	if c.FCNormTwice = w.NormTwice && c.Pool == vit.Mean; s.FCNormTwice != nil {
		c.FCNormTwice = *s.FCNormTwice
	}
	if err := c.Validate(); err != nil {
		return nil, nil, err
	}
	match, err := pretrained.New(f, pretrained.Parameters(*c), pretrained.Options{From: s.From, KeepHead: true})
	if err != nil {
		return nil, nil, err
	}
	if w.Size == 0 {
		return nil, nil, fmt.Errorf("it holds %s, and nothing says for which size of images: say it with -size", about)
	}
	w.Report = match.Report
	return w, match, nil
}

// Log says what was taken from a weight file, and what of it was not said by the file.
func (w *Weights) Log(path string, s Settings) {
	c := w.Config
	line := []any{"file", path, "width", c.Width, "blocks", c.Depth, "heads", c.Heads, "patch", c.Patch, "size", c.ImageSize,
		"pool", c.Pool, "classes", c.Classes}
	if c.FCNormTwice {
		line = append(line, "fc_norm", "twice, as RETFound does since 2025")
	}
	slog.Info("model", append(line, w.Report.Attributes()...)...)
	if known := []int64{192, 384, 768, 1024, 1152, 1280, 1408, 1536, 1664}; s.Heads == 0 && !slices.Contains(known, c.Width) {
		slog.Warn("the file does not say how many heads its attention has: its width has no published model, so they "+
			"are guessed", "width", c.Width, "heads", c.Heads, "remedy", "say the number with -set model.heads=N")
	}
}

// write returns the model as a graph. Tensors that are float32 and in order stay in the file's memory.
func write(w *Weights, match *pretrained.Match) (*pb.ModelProto, error) {
	g, err := artifacts.Inference(w.Config)
	if err != nil {
		return nil, err
	}
	m, err := g.Model()
	if err != nil {
		return nil, err
	}
	parameters := w.Config.Parameters()
	data := make([][]byte, len(parameters))
	errs := make([]error, len(match.Assignments))
	parallel.Each(0, len(errs), func(i int) {
		a := match.Assignments[i]
		var whole bool
		if data[a.Parameter], whole = a.InPlace(); whole {
			return
		}
		n, err := onnx.NumElements(parameters[a.Parameter].Shape)
		if err != nil {
			errs[i] = err
			return
		}
		values := make([]float32, n)
		errs[i] = a.Load(values)
		data[a.Parameter] = numbers.Bytes(values)
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for i, p := range parameters {
		t, err := onnx.NewTensor(p.Name, pb.TensorProto_FLOAT, p.Shape, data[i])
		if err != nil {
			return nil, err
		}
		m.Graph.Initializer = append(m.Graph.Initializer, t)
	}
	m.Graph.Input = m.Graph.Input[:1] // images; the others are the parameters
	return m, nil
}

// Digest returns the SHA-256 of a model file and of the data files beside it that it names, in hexadecimal digits.
func Digest(path string) (string, error) {
	format, err := weights.Detect(path)
	if err != nil {
		return "", err
	}
	if format == weights.ONNX {
		m, err := onnx.Open(path)
		if err != nil {
			return "", err
		}
		defer m.Close()
		return m.Digest(), nil
	}
	f, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), err
}
