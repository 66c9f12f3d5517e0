package conformance

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/graphs/importer"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// A status grades a case: the smaller, the better.
type status int

const (
	ok      status = iota
	other          // the runtime's result is not ONNX's, as in older ones, so that nothing can be judged
	unsure         // finite differences at two steps disagree with each other: the function is not smooth
	refused        // by a typed refusal
	broken         // an error that is no refusal
	wrong          // the gradient disagrees with finite differences
)

var statuses = []string{"ok", "other", "unsure", "refused", "broken", "wrong"}

func (s status) String() string { return statuses[s] }

// reverse differentiates. A test puts a wrong function here.
var reverse = autodiff.Backward

const (
	tries      = 6 // points near the case's own, one after the other
	directions = 3 // in which each input is moved
)

// check differentiates a case with respect to each of its inputs. The gradients of a case that is written out in
// simpler operators must also agree with the known ones of its operator.
func (s *subject) check(known map[key]derived) (status, string) {
	source, err := importer.Read(proto.Clone(s.model).(*pb.ModelProto), importer.Sizes{})
	if err != nil {
		return refused, err.Error()
	}
	if s.forward, err = open(s.model, ort.Disable); err != nil {
		return other, "the runtime does not run it: " + err.Error()
	}
	defer func() { s.forward.Close() }()
	if d, err := s.distance(s.forward); err != nil {
		return broken, err.Error()
	} else if d > 1e-2 {
		return other, fmt.Sprintf("the runtime's result is %.1e off", d)
	}
	g, err := differentiated(source, nudged(s.testCase, 0))
	if refusal := (*autodiff.Unsupported)(nil); errors.As(err, &refusal) {
		return refused, refusal.Reason
	} else if err != nil {
		return broken, err.Error()
	}
	model, err := g.Model()
	if err == nil {
		s.backward, err = open(model, ort.All) // as in training
	}
	if err != nil {
		return broken, err.Error()
	}
	defer s.backward.Close()
	if err := s.widenForward(); err != nil {
		return broken, err.Error()
	}
	worst, reason := unsure, "finite differences do not converge"
	for try := range tries {
		result, why := s.compare(nudged(s.testCase, try))
		if own, there := known[s.key().direct()]; result == ok && there {
			return s.agrees(own)
		}
		if result == ok || result == broken {
			return result, why
		}
		if result == wrong {
			worst, reason = result, why
		}
	}
	return worst, reason
}

// distance returns the largest distance of the results of a case from the expected ones.
func (c testCase) distance(r *runner) (worst float64, err error) {
	at := values{}
	for name, x := range c.values {
		at[name] = float64s(x)
	}
	got, err := r.run(at)
	for name, y := range c.expected {
		worst = max(worst, distance(got[name], float64s(y)))
	}
	return worst, err
}

func float64s(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// traced runs the model at a point until all that its shapes decide is known.
func traced(source *importer.Source, at values) (importer.Trace, error) {
	trace := importer.Trace{}
	for again := true; again; {
		observed, err := open(source.Observed(), ort.Disable)
		if err != nil {
			return nil, err
		}
		defer observed.Close()
		err = observed.evaluate(at, func(info ort.Info, data []byte) {
			trace[info.Name] = &pb.TensorProto{Name: proto.String(info.Name), DataType: proto.Int32(int32(info.Type)),
				Dims: info.Shape, RawData: slices.Clone(data)}
		})
		if err != nil {
			return nil, err
		}
		if again, err = source.Decide(trace); err != nil {
			return nil, refusal(err)
		}
	}
	return trace, nil
}

// differentiated returns the imported graph with the gradients of Σ output·NAME.cotangent, called NAME.grad.
func differentiated(source *importer.Source, at values) (*graphs.Graph, error) {
	trace, err := traced(source, at)
	if err != nil {
		return nil, err
	}
	m, err := source.Import(trace, importer.Options{})
	if err != nil {
		return nil, refusal(err)
	}
	g := m.Graph
	wrt, cotangents := slices.Clone(g.Inputs), map[*graphs.Value]*graphs.Value{}
	for _, y := range g.Outputs {
		if y.Type == graphs.Float32 && !isStatistic(y) {
			cotangents[y] = g.Input(y.Name+".cotangent", y.Type, y.Shape...)
		}
	}
	gradients, err := reverse(g, cotangents, wrt)
	if err != nil {
		return nil, err
	}
	for i, v := range gradients {
		if v != nil {
			g.Output(wrt[i].Name+".grad", v)
		}
	}
	return g, g.Err()
}

// refusal turns an error of the importer into that of an unsupported model.
func refusal(err error) error {
	return &autodiff.Unsupported{Node: &graphs.Node{}, Reason: err.Error()}
}

// isStatistic reports whether v is a mean or deviation beside the result of a normalisation. Training never
// differentiates it.
func isStatistic(v *graphs.Value) bool {
	n := v.Producer()
	return n != nil && n.Op == "LayerNormalization" && v != n.Outputs[0]
}
