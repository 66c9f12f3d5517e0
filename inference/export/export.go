package export

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fovea/data"
	"fovea/graphs"
	"fovea/graphs/deploy"
	"fovea/graphs/importer"
	"fovea/graphs/transfer"
	"fovea/inference"
	"fovea/internal/durable"
	"fovea/internal/progress"
	"fovea/models/imported"
	"fovea/onnx"
	"fovea/onnx/engine"
	"fovea/onnx/pb"
)

// The variants of a model.
const (
	FP32 = "fp32" // as it is
	FP16 = "fp16" // weights and most arithmetic in half precision
	INT8 = "int8" // weights of 8 bits, products of matrices in integers
)

// Variants lists all, in the order in which they are written.
var Variants = []string{FP32, FP16, INT8}

// Files of the folder beside those of the variants.
const (
	CardFile   = "README.md"
	ReportFile = "export.json"
)

// fileOf names a variant's model.
func fileOf(variant string, raw bool) string {
	name := "model"
	if variant != FP32 {
		name += "_" + variant
	}
	if raw {
		name += "_raw"
	}
	return name + ".onnx"
}

// Options of Write.
type Options struct {
	Model    string                // an ONNX file
	Given    inference.Description // overrides the model's metadata and the file beside it
	Variants []string              // none: all
	Opset    int64                 // 0: the model's, or the next that is needed
	Raw      bool                  // also models that take the image as it was decoded
	Data     string                // folder with the splits; "": that of the run's config, if there is a run
	Split    string                // folder in Data whose images measure the variants
	Out      string                // folder to write to; made if need be
	Batch    int                   // images at a time
	Skip     bool                  // leave out unreadable images instead of failing
	Runtime  engine.Settings
	Progress progress.Func
}

// Write exports a model: model files, ReportFile and CardFile.
func Write(ctx context.Context, o Options) (*Report, error) {
	if len(o.Variants) == 0 {
		o.Variants = Variants
	}
	for _, v := range o.Variants {
		if !slices.Contains(Variants, v) {
			return nil, fmt.Errorf("variant %q is unknown: %s", v, strings.Join(Variants, ", "))
		}
	}
	d, err := inference.Describe(o.Model, o.Given)
	if err != nil {
		return nil, err
	}
	run, err := openRun(o.Model, d)
	if err != nil {
		return nil, err
	}
	split, err := o.openSplit(run, d)
	if err != nil {
		return nil, err
	}
	options, _, err := engine.SessionOptions(ctx, o.Runtime, o.Progress)
	if err == nil {
		err = d.Resolve(ctx, o.Model)
	}
	if err != nil {
		return nil, err
	}
	r := newReport(o, d, options)
	original, err := d.Open(o.Model)
	if err != nil {
		return nil, err
	}
	source, fixed, err := imported.OpenAsWritten(ctx, original.Model, o.Model, int64(d.Size))
	if err != nil {
		return nil, err
	}
	defer source.Close()
	if fixed != nil {
		slog.Warn("the model takes a fixed number of images at a time, and so will the exported ones", "reason", fixed)
	}
	for _, t := range original.Proto.GetGraph().GetInitializer() {
		if kind := pb.TensorProto_DataType(t.GetDataType()); kind == graphs.Float16 || kind == graphs.BFloat16 {
			return nil, fmt.Errorf("%s: initializer %q is %s: export the float32 model that it was made of", o.Model,
				t.GetName(), onnx.TypeName(kind))
		}
	}
	if err := durable.MakeFolder(o.Out); err != nil {
		return nil, err
	}
	for _, name := range Variants {
		for _, raw := range []bool{false, true} {
			if !slices.Contains(o.Variants, name) || raw && !o.Raw {
				continue
			}
			v, err := o.write(ctx, source, original.Proto, d, name, raw)
			if errors.Is(err, errNothingToQuantize) && len(o.Variants) > 1 {
				slog.Warn("there is no variant "+name, "reason", err)
				break
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", fileOf(name, raw), err)
			}
			r.Variants = append(r.Variants, v)
		}
	}
	if err := r.measure(ctx, o, d, split, options); err != nil {
		return nil, err
	}
	if err := durable.Write(filepath.Join(o.Out, ReportFile), r.writeJSON); err != nil {
		return nil, err
	}
	return r, durable.Write(filepath.Join(o.Out, CardFile), newCard(r, d, run).write)
}

var errNothingToQuantize = errors.New("the model has no weights that are worth 8 bits")

// write makes the file of a variant.
func (o *Options) write(ctx context.Context, source *imported.File, original *pb.ModelProto, d *inference.Description,
	name string, raw bool) (*Variant, error) {
	v := &Variant{Name: name, Raw: raw, File: fileOf(name, raw)}
	path := filepath.Join(o.Out, v.File)
	if sameFile(path, o.Model) {
		return nil, fmt.Errorf("%s would replace the model that is exported: choose another folder", path)
	}
	asWritten, err := source.Verbatim()
	if err != nil {
		return nil, err
	}
	g, logits := asWritten.Graph, asWritten.Values[d.Output]
	if d.Scores == inference.Probabilities {
		if logits, err = logitsOf(ctx, source, asWritten, d.Output); err != nil {
			return nil, err
		}
	}
	if err := deploy.Classifier(g, d.Output, logits); err != nil {
		return nil, err
	}
	if v.Opset = o.Opset; v.Opset == 0 {
		v.Opset = deploy.Opset(g)
		if raw {
			v.Opset = max(v.Opset, deploy.EmbedOpset)
		}
	}
	switch name {
	case FP16:
		err = deploy.Half(g, v.Opset)
	case INT8:
		var q deploy.Quantized
		if q, err = deploy.Quantize(g); err == nil && q.Bytes == 0 {
			err = errNothingToQuantize
		}
		v.Quantized = &q
	}
	if err != nil {
		return nil, err
	}
	if raw {
		p := deploy.Preparation{Size: int64(d.Size), Short: int64(d.Transform().ShorterSide()),
			Squash: d.Resize == data.Squash, Mean: [3]float32(d.Mean), Std: [3]float32(d.Std)}
		if err := deploy.Embed(g, p); err != nil {
			return nil, err
		}
	}
	m, err := deploy.Model(g, v.Opset)
	if err != nil {
		return nil, err
	}
	for _, p := range original.GetMetadataProps() {
		onnx.SetMetadata(m, p.GetKey(), p.GetValue())
	}
	of := *d
	of.Raw = raw
	of.WriteMetadata(m)
	onnx.SetMetadata(m, "fovea.variant", name)
	if err := onnx.Save(path, m, onnx.SaveOptions{}); err != nil {
		return nil, err
	}
	v.Outputs = names(g.Outputs)
	v.Input = g.Inputs[0].Name
	return v, v.identify(path)
}

// logitsOf returns the value of which a model makes its probabilities by softmax, or nil.
func logitsOf(ctx context.Context, source *imported.File, m *importer.Model, output string) (*graphs.Value, error) {
	s, err := source.Scores(ctx, output)
	if err != nil || s.Kind != transfer.ProbabilityScores {
		return nil, err
	}
	v := m.Values[s.Logits]
	if v == nil || v.Type != graphs.Float32 || s.Off > 1e-5 { // the exported model is to compute the same
		return nil, nil
	}
	return v, nil
}

func names(values []*graphs.Value) (out []string) {
	for _, v := range values {
		out = append(out, v.Name)
	}
	return out
}

// sameFile reports whether two paths are one file.
func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// identify notes size and digest of a variant's file and of the data that may be beside it.
func (v *Variant) identify(path string) error {
	m, err := onnx.Open(path)
	if err != nil {
		return err
	}
	defer m.Close()
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	v.Bytes, v.SHA256 = info.Size(), m.Digest()
	for _, n := range m.External {
		v.Bytes += n
	}
	return nil
}
