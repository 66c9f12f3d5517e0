package inference

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"fovea/evaluation"
	"fovea/graphs/transfer"
	"fovea/models/imported"
	"fovea/onnx"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// decide names the two settings that say what an output is.
const decide = "say -scores probabilities or -scores logits, or the key scores of the file beside the model"

// Resolve finds out what the output of the model file at path is, unless it is known, from what its last nodes compute
// of any values. It is an error if these are neither logits nor probabilities. ONNX Runtime must be loaded. When ctx is
// done, its run of the model ends with the cause.
func (d *Description) Resolve(ctx context.Context, path string) error {
	if d.Scores != "" {
		return nil
	}
	m, err := d.Open(path)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := onnx.Check(m.Proto); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	s, err := imported.ReadScores(ctx, m.Proto, d.Output, int64(d.Size))
	if err != nil {
		return fmt.Errorf("%s: whether the output %q is probabilities or logits cannot be found out: %w: %s", path,
			d.Output, err, decide)
	}
	switch d.found = true; s.Kind {
	case transfer.SigmoidScores:
		return fmt.Errorf("%s: its output is a sigmoid's, one yes or no a class, not the probabilities of classes that "+
			"exclude each other: there is nothing here that evaluates those", path)
	case transfer.ScaledScores:
		return fmt.Errorf("%s: its scores add up to %.4g for any image: they are probabilities times %.4[2]g, which are not "+
			"read: export it without that product", path, s.Sum)
	case transfer.NegatedScores:
		return fmt.Errorf("%s: its scores are negative log-probabilities, of which the least is the best: export it "+
			"with a softmax at the end, or without the negation", path)
	case transfer.ProbabilityScores:
		d.Scores = Probabilities
	default:
		d.Scores = Logits
	}
	return nil
}

// Probabilities returns the probabilities of one image from the scores of the output.
func (d *Description) Probabilities(scores []float32) ([]float64, error) {
	return d.reading().probabilities(scores)
}

// reading returns how scores become probabilities.
func (d *Description) reading() reading {
	return reading{ready: d.Scores == Probabilities, half: d.Half, certain: d.found,
		doubted: d.Scores == Logits && (d.found || d.said), said: d.said}
}

// A reading makes probabilities of scores.
type reading struct {
	ready   bool // the scores are probabilities, else logits
	half    bool // logits are rounded to float16
	certain bool // the model itself shows what they are, not somebody's word
	doubted bool // logits of the first images may turn out to be probabilities
	said    bool // by a person
}

// probabilities returns the probabilities of an image. Scores that are called probabilities and are none are an error.
// Those of a quantised model add up to 1 only roughly, and stay as they are.
func (r reading) probabilities(scores []float32) ([]float64, error) {
	if !r.ready {
		return softmax(scores, r.half), nil
	}
	most := 1e-2 // half precision rounds
	if r.certain {
		most = 0.5 // quantisation rounds and cuts
	}
	out, sum := make([]float64, len(scores)), 0.0
	for i, x := range scores {
		if out[i] = max(float64(x), 0); float64(x) < -1e-2 || x < 0 && !r.certain {
			return nil, fmt.Errorf("the model's scores are not probabilities, one is negative: %s", decide)
		}
		sum += out[i]
	}
	if math.Abs(sum-1) <= most || math.IsNaN(sum) { // NaN is the image's error
		return out, nil
	}
	if r.certain {
		return nil, fmt.Errorf("the sum of the model's probabilities is %g, though its last nodes make probabilities: it "+
			"is quantised too coarsely, or this version of ONNX Runtime miscomputes it; use the float model", sum)
	}
	return nil, fmt.Errorf("the model's scores are not probabilities, their sum is %g: %s", sum, decide)
}

// softmax returns the softmax of logits, which half rounds to float16.
func softmax(logits []float32, half bool) []float64 {
	out := make([]float64, len(logits))
	for i, x := range logits {
		if out[i] = float64(x); half {
			out[i] = evaluation.RoundHalf(out[i])
		}
	}
	evaluation.Softmax(out)
	return out
}

// check refuses logits of the first images that are all probabilities already: a second softmax would make other ones
// of them. A person who said that they are logits is warned.
func (r *reading) check(scores []float32, classes int) error {
	if !r.doubted {
		return nil
	}
	r.doubted = false
	for row := range slices.Chunk(scores, classes) {
		sum := 0.0
		for _, x := range row {
			if sum += float64(x); !(x >= 0 && x <= 1) {
				return nil
			}
		}
		if math.Abs(sum-1) > 1e-3 {
			return nil
		}
	}
	const seen = "the model's scores of the first images all lie between 0 and 1 and add up to 1 for each image: they " +
		"look like probabilities, but are read as logits"
	if r.said {
		slog.Warn(seen, "remedy", "leave out -scores logits, or say -scores probabilities")
		return nil
	}
	return errors.New(seen + ": " + decide)
}

// mayBeScores reports whether an output can hold scores: floating-point numbers, or the list of dictionaries that
// scikit-learn's converter makes of them.
func mayBeScores(t *pb.TypeProto) bool {
	kind := pb.TensorProto_DataType(t.GetTensorType().GetElemType())
	return t.GetTensorType() == nil || slices.Contains(floatTypes, kind)
}

var floatTypes = []pb.TensorProto_DataType{pb.TensorProto_FLOAT, pb.TensorProto_FLOAT16, pb.TensorProto_BFLOAT16,
	pb.TensorProto_DOUBLE}

// classLabels returns the names of the classes of a ZipMap.
func classLabels(n *pb.NodeProto) (names []string) {
	for _, a := range n.GetAttribute() {
		for _, name := range a.GetStrings() {
			names = append(names, string(name))
		}
		for _, number := range a.GetInts() {
			names = append(names, strconv.FormatInt(number, 10))
		}
	}
	return names
}

// openSession opens a model file and returns the name of the output with the scores. If these are not float32 [N,C], or
// stand beside what is no tensor of numbers, the model gets them as its only output in that form.
func openSession(path string, d *Description, o ort.Options) (*ort.Session, string, error) {
	m, err := d.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer m.Close()
	if m.Weights != nil {
		s, err := ort.NewSessionOf(m.Proto, o)
		return s, d.Output, err
	}
	g := m.Proto.GetGraph()
	isOutput := func(v *pb.ValueInfoProto) bool { return v.GetName() == d.Output }
	i := slices.IndexFunc(g.GetOutput(), isOutput)
	plain := i >= 0
	if plain {
		t := g.GetOutput()[i].GetType().GetTensorType()
		plain = pb.TensorProto_DataType(t.GetElemType()) == pb.TensorProto_FLOAT && len(t.GetShape().GetDim()) <= 2
	}
	for _, out := range g.GetOutput() {
		t := out.GetType().GetTensorType()
		plain = plain && t != nil && pb.TensorProto_DataType(t.GetElemType()) != pb.TensorProto_STRING
	}
	if plain {
		s, err := ort.OpenSession(path, o)
		return s, d.Output, err
	}
	const plainScores, flat = "fovea/scores", "fovea/scores_flat"
	g.Node = append(g.Node,
		&pb.NodeProto{OpType: proto.String("Flatten"), Input: []string{d.Output}, Output: []string{flat}},
		&pb.NodeProto{OpType: proto.String("Cast"), Input: []string{flat}, Output: []string{plainScores},
			Attribute: []*pb.AttributeProto{{Name: proto.String("to"), Type: pb.AttributeProto_INT.Enum(),
				I: proto.Int64(int64(pb.TensorProto_FLOAT))}}})
	shape := []int64{-1, int64(len(d.Classes))}
	g.Output = []*pb.ValueInfoProto{onnx.NewValueInfo(plainScores, pb.TensorProto_FLOAT, shape)}
	s, err := ort.NewSessionOf(m.Proto, o)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	return s, plainScores, nil
}
