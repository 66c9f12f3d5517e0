package explain

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fovea/graphs"
	"fovea/graphs/importer"
	"fovea/models/imported"
	"fovea/models/trained"
	"fovea/onnx"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// Options of Open.
type Options struct {
	Methods []Method // none: Relevance, or GradCAM or Gradient, the first that the model has
	Output  string   // name of the output with the scores; "": the one called logits, else the first [N,C]
	Side    int      // S of the images, where the model takes any
	Weights trained.Settings
	Batch   int // images a forward pass; a model's own where it is fixed
	Steps   int // of Integrated; doubled up to four times where they are too few, see [Integral]
	Threads int // inside an operator; 0: one a core

	// Randomize shuffles the entries of every matrix, kernel and table among the parameters, each tensor by itself: a
	// map that shows what the model has learned must change (Adebayo and others, NeurIPS 2018).
	Randomize bool
}

// A Model explains images. It is for one goroutine.
type Model struct {
	Methods []Method
	Batch   int // images of a call of Explain, at most
	Side    int // S of the images
	Classes int

	steps    int
	maps     *session // of all methods but Integrated
	gradient *session // of Integrated
}

// Open reads a model, float32 [N,3,S,S] → scores [N,C], and extends its graph by the methods. Models that cannot be
// differentiated, and methods that need what a model lacks, are errors.
func Open(ctx context.Context, path string, o Options) (*Model, error) {
	if o.Batch < 1 || slices.Contains(o.Methods, Integrated) && o.Steps < 1 {
		return nil, fmt.Errorf("a batch of %d images and %d steps: at least 1", o.Batch, o.Steps)
	}
	file, err := o.read(ctx, path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	m := &Model{steps: o.Steps, Methods: o.Methods}
	if err := m.open(ctx, file, o); err != nil {
		m.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// read opens the model file for the batch and image size of the options.
func (o Options) read(ctx context.Context, path string) (*imported.File, error) {
	sizes := importer.Sizes{Batch: int64(o.Batch), Named: map[string]int64{}}
	m, err := trained.Open(path, o.Weights, int64(o.Side))
	if err != nil {
		return nil, err
	}
	if o.Side > 0 {
		for _, in := range m.Proto.GetGraph().GetInput() {
			for i, d := range in.GetType().GetTensorType().GetShape().GetDim() {
				if symbol := d.GetDimParam(); symbol != "" && i >= 2 {
					sizes.Named[symbol] = int64(o.Side)
				}
			}
		}
	}
	return imported.OpenModel(ctx, m.Model, path, sizes)
}

func (m *Model) open(ctx context.Context, file *imported.File, o Options) error {
	rest := slices.DeleteFunc(slices.Clone(o.Methods), func(method Method) bool { return method == Integrated })
	var err error
	if len(rest) > 0 || len(o.Methods) == 0 {
		if m.maps, err = m.session(ctx, file, rest, o); err != nil {
			return err
		}
	}
	if slices.Contains(m.Methods, Integrated) {
		m.gradient, err = m.session(ctx, file, []Method{Integrated}, o)
	}
	return err
}

// session extends the model's graph by methods and opens it. No methods mean the default.
func (m *Model) session(ctx context.Context, file *imported.File, methods []Method, o Options) (*session, error) {
	model, err := file.Import(importer.Options{})
	if err != nil {
		return nil, err
	}
	g := model.Graph
	a, err := locate(ctx, file, model, o.Output)
	if err != nil {
		return nil, err
	}
	if len(methods) == 0 {
		methods = []Method{Gradient}
		for _, method := range []Method{GradCAM, Relevance} {
			if a.supports(method) == nil {
				methods[0] = method
			}
		}
		m.Methods = methods
	}
	for _, method := range methods {
		if err := a.supports(method); err != nil {
			return nil, err
		}
	}
	m.Batch, m.Side, m.Classes = int(a.images.Shape[0]), int(a.images.Shape[3]), int(a.scores.Shape[1])
	if err := extend(g, a, methods); err != nil {
		return nil, err
	}
	return newSession(ctx, g, a.images.Name, o)
}

// Close frees the model.
func (m *Model) Close() error {
	var errs []error
	for _, s := range []*session{m.maps, m.gradient} {
		if s != nil {
			errs = append(errs, s.session.Close())
		}
	}
	return errors.Join(errs...)
}

// A session runs an extended graph.
type session struct {
	session *ort.Session
	images  *ort.Tensor // float32 [B,3,S,S]
	classes *ort.Tensor // int64 [B,1], nil for features
}

func newSession(ctx context.Context, g *graphs.Graph, images string, o Options) (*session, error) {
	model, err := g.Model()
	if err != nil {
		return nil, err
	}
	if o.Randomize {
		if err := randomize(model.Graph); err != nil {
			return nil, err
		}
	}
	bytes, err := onnx.Marshal(model)
	if err != nil {
		return nil, err
	}
	s, inputs, err := ort.NewBoundSession(bytes, ort.Options{Threads: o.Threads, Arena: true, Context: ctx})
	if err != nil {
		return nil, err
	}
	return &session{s, inputs[images], inputs[classInput]}, nil
}

// run computes the outputs; what visit gets is valid until it returns.
func (s *session) run(visit func(info ort.Info, data []byte)) error {
	return s.session.Evaluate(func(info ort.Info, data []byte) error {
		if info.Type == pb.TensorProto_FLOAT || info.Type == pb.TensorProto_INT64 {
			visit(info, data)
		}
		return nil
	})
}
