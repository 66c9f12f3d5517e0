package imported

import (
	"context"
	"errors"
	"fmt"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/graphs/importer"
	"fovea/graphs/transfer"
	"fovea/internal/numbers"
	"fovea/onnx"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// A Classifier is a model file that is ready for training on other classes. It is an artifacts.Model.
type Classifier struct {
	Images     string // name of the input, float32 [N,3,S,S]
	Head       *transfer.Head
	Parameters []transfer.Parameter // the lowest layer first
	Layers     int

	file    *File // changed, traced at the batch of training
	model   *onnx.Model
	changed *pb.ModelProto // with the new head
}

// Options of OpenClassifier.
type Options struct {
	Size, Batch, Classes int64
	Head                 string // see transfer.FindHead
	Layering             transfer.Layering
}

// traced is the number of images in the run that finds the head. With two, the axis of the images differs from axes of
// size 1.
const traced = 2

// OpenClassifier reads a model, finds its head and replaces it by a new one. It refuses a model whose graph would not
// compute what the model does.
func OpenClassifier(ctx context.Context, path string, o Options) (*Classifier, error) {
	model, err := onnx.Open(path)
	if err != nil {
		return nil, err
	}
	c := &Classifier{model: model}
	if err := c.open(ctx, o); err != nil {
		model.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (c *Classifier) open(ctx context.Context, o Options) error {
	m, image, err := transfer.TakeImages(c.model.Proto, o.Size)
	if err != nil {
		return err
	}
	c.Images = image.Name
	batch := int64(traced)
	if image.Batch != 0 {
		batch = image.Batch
	}
	before, err := read(ctx, m, importer.Sizes{Batch: batch})
	if err != nil {
		return err
	}
	if image.Batch != 0 && image.Batch != o.Batch {
		if before, err = freeBatch(ctx, before, image.Batch); err != nil {
			return fmt.Errorf("the model takes %d images at a time, no more and no less (%w): export it with a "+
				"symbolic batch (dynamic_axes or dynamic_shapes of torch.onnx.export), or set training.batch = %[1]d",
				image.Batch, err)
		}
		batch = traced
	}
	if _, err := before.verified(ctx); err != nil {
		return err
	}
	if c.Head, err = transfer.FindHead(before.source.Model(), before.trace, batch, o.Head); err != nil {
		return err
	}
	if c.changed, err = c.Head.Replace(o.Classes, artifacts.Targets, artifacts.DropPath, artifacts.Loss,
		artifacts.LossScale, artifacts.Features, artifacts.Probabilities); err != nil {
		return err
	}
	for _, t := range c.changed.GetGraph().GetInitializer() {
		kind := pb.TensorProto_DataType(t.GetDataType())
		isHalf := kind == pb.TensorProto_FLOAT16 || kind == pb.TensorProto_BFLOAT16
		if n, _ := onnx.NumElements(t.GetDims()); n > 1 && isHalf {
			return fmt.Errorf("initializer %q is %s: only float32 can be trained: convert the model",
				t.GetName(), onnx.TypeName(kind))
		}
	}
	if c.file, err = read(ctx, c.changed, importer.Sizes{Batch: o.Batch}); err != nil {
		return fmt.Errorf("with a head for %d classes in the place of %s: %w", o.Classes, c.Head, err)
	}
	f, err := c.Forward("parameters", o.Batch, artifacts.Whole, false)
	if err != nil {
		return err
	}
	if shape := f.Result.Shape; len(shape) != 2 || shape[0] != o.Batch || shape[1] != o.Classes {
		return fmt.Errorf("with a head for %d classes in the place of %s the result is %v, not [%d,%[1]d]",
			o.Classes, c.Head, shape, o.Batch)
	}
	initial := func(name string) []byte {
		data, _ := c.file.source.Initializer(name)
		return data
	}
	c.Parameters, c.Layers, err = transfer.Parameters(f.Graph, f.Graph.Inputs[0], f.Result, initial, o.Layering)
	return err
}

// freeBatch turns a model of one image into one of any number, if each of several images then gives the same result as
// alone.
func freeBatch(ctx context.Context, single *File, batch int64) (*File, error) {
	if batch != 1 {
		return nil, errors.New("only a batch of 1 can be changed")
	}
	m, err := transfer.FreeBatch(single.source.Model(), single.trace)
	if err != nil {
		return nil, err
	}
	several, err := read(ctx, m, importer.Sizes{Batch: traced})
	if err != nil {
		return nil, err
	}
	for i := range traced {
		var wrong error
		err := evaluate(ctx, single.source.Model(), func(_ ort.Info, data *ort.Tensor) {
			n := len(data.Float32())
			copy(data.Float32(), traceInput((i + 1) * n)[i*n:])
		}, func(info ort.Info, data []byte) {
			want, got := numbers.Decode[float32](data), numbers.Decode[float32](several.trace[info.Name].GetRawData())
			if len(got) == 0 {
				return // scores are smaller
			}
			if len(got) != traced*len(want) {
				wrong = fmt.Errorf("its output %q has %d elements for one image and %d for %d",
					info.Name, len(want), len(got), traced)
			} else if difference := relativeDifference(got[i*len(want):][:len(want)], want); !(difference <= 1e-4) {
				wrong = fmt.Errorf("its output %q for an image depends on others", info.Name)
			}
		})
		if err = errors.Join(err, wrong); err != nil {
			return nil, err
		}
	}
	return several, nil
}

// Forward returns a part of the classifier as a graph, at the batch that it was opened for.
func (c *Classifier) Forward(name string, batch int64, part artifacts.Part, _ bool) (*artifacts.Forward, error) {
	if part == artifacts.HeadAlone {
		return c.head(name, batch)
	}
	m, err := c.file.Import(importer.Options{Inputs: true})
	if err != nil {
		return nil, err
	}
	f := &artifacts.Forward{Graph: m.Graph, Result: m.Graph.Outputs[0]}
	if part == artifacts.BelowHead {
		if f.Result = m.Values[transfer.Vector]; f.Result == nil {
			return nil, c.noVector()
		}
	}
	g := m.Graph
	g.Name, g.Outputs = name, []*graphs.Value{f.Result}
	g.RemoveDead()
	g.Outputs = nil
	g.RemoveUnusedInputs(g.Inputs[0])
	byName := map[string]*graphs.Value{}
	for _, v := range g.Inputs[1:] {
		byName[v.Name] = v
	}
	for _, p := range c.Parameters { // empty during OpenClassifier
		if v := byName[p.Name]; v != nil {
			f.Parameters = append(f.Parameters, v)
		}
	}
	return f, g.Err()
}

// head returns the new head alone.
func (c *Classifier) head(name string, batch int64) (*artifacts.Forward, error) {
	if _, ok := c.file.trace[transfer.Vector]; !ok {
		return nil, c.noVector()
	}
	classes := c.file.trace[transfer.Logits].GetDims()[1]
	g := graphs.New(name)
	features := g.Input(artifacts.Features, graphs.Float32, batch, c.Head.Width)
	w := g.Input(transfer.HeadWeight, graphs.Float32, classes, c.Head.Width)
	b := g.Input(transfer.HeadBias, graphs.Float32, classes)
	return &artifacts.Forward{Graph: g, Result: g.Linear(features, w, b), Parameters: []*graphs.Value{w, b}}, g.Err()
}

func (c *Classifier) noVector() error {
	return fmt.Errorf("the head %s is a convolution whose results are pooled: "+
		"there are no features for a linear probe: set model.adaptation = \"finetune\"", c.Head)
}

// Initial copies the values that a parameter has in the file.
func (c *Classifier) Initial(name string, to []float32) {
	data, _ := c.file.source.Initializer(name)
	copy(numbers.Bytes(to), data)
}

// Deployed returns the model with the outputs probabilities and logits, for the number of images that the file allows.
// The caller replaces its initializers.
func (c *Classifier) Deployed() *pb.ModelProto {
	return transfer.Deploy(c.changed, artifacts.Probabilities)
}

// Metadata returns an entry of the file's metadata.
func (c *Classifier) Metadata(key string) (string, bool) { return onnx.Metadata(c.model.Proto, key) }

// Digest returns a text that identifies the contents of the file.
func (c *Classifier) Digest() string { return c.model.Digest() }

// Close closes the file.
func (c *Classifier) Close() error { return c.model.Close() }
