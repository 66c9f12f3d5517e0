package imported

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/graphs/importer"
	"fovea/internal/numbers"
	"fovea/onnx/ort"
)

// tolerance is the largest difference that counts as agreement, as a part of the size of a derivative along a random
// direction. JAX's check_grads uses the same for float32.
const tolerance = 2e-3

// directions is the number of random directions that a check tries.
const directions = 3

// backward is the differentiation to check. A test replaces it by a wrong one.
var backward = autodiff.Backward

// A Comparison holds a derivative along one random direction, Σ gradient·direction, and the finite difference along it.
type Comparison struct {
	Gradient, Difference float64
	Uncertainty          float64 // of the difference, because of rounding or a function that is not smooth
	Rounding             float64 // a smaller difference may come from rounding the outputs to float32
	Size                 float64 // typical magnitude of such a derivative, √Σ (gradient·direction)²
}

// Agrees reports whether both are equal within what float32 can resolve. An unknown difference contradicts no number.
func (c Comparison) Agrees() bool {
	if math.IsInf(c.Uncertainty, 1) {
		return !math.IsNaN(c.Gradient)
	}
	return math.Abs(c.Gradient-c.Difference) <= tolerance*c.Size+3*c.Uncertainty
}

// Vanishes reports whether both are too small to tell from rounding.
func (c Comparison) Vanishes() bool {
	return max(math.Abs(c.Gradient), math.Abs(c.Difference), c.Size) <= 3*c.Rounding
}

// Decides reports whether the finite difference is certain enough to judge by.
func (c Comparison) Decides() bool {
	return c.Uncertainty <= 0.05*max(c.Size, math.Abs(c.Difference))
}

// A Report holds the results of Check.
type Report struct {
	Values      []*graphs.Value // float inputs and parameters by which Check differentiated
	Comparisons []Comparison
	// Wrong is the first node whose rule disagrees with finite differences of the node alone, along two directions. It
	// is nil if there is none, or if all comparisons of the whole model agree.
	Wrong           *graphs.Node
	WrongComparison Comparison
	Nodes           int // number of nodes that were compared alone
}

// Agrees reports whether all comparisons agree and at least one of them decides, or is of numbers that vanish.
func (r *Report) Agrees() bool {
	tells := func(c Comparison) bool { return c.Decides() || c.Vanishes() }
	return slices.ContainsFunc(r.Comparisons, tells) &&
		!slices.ContainsFunc(r.Comparisons, func(c Comparison) bool { return !c.Agrees() })
}

// Check verifies that the imported graph computes what the model does. It then compares its gradients with finite
// differences along random directions in the space of all float inputs and parameters. If they disagree, it does the
// same for every node alone, at the values that the node has in the model.
func (f *File) Check(ctx context.Context, seed uint64) (*Report, error) {
	g, err := f.verified(ctx)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	start := f.point(g, func(n int) []float32 { return normal(rng, n, 1) })
	r := &Report{Values: floats(g.Inputs)}
	newGraph := func() (*graphs.Graph, error) {
		m, err := f.Import(importer.Options{Inputs: true})
		if err != nil {
			return nil, err
		}
		return m.Graph, nil
	}
	for i := range directions {
		c, err := compare(ctx, newGraph, start, rand.New(rand.NewPCG(seed, uint64(i+1))))
		if err != nil {
			return nil, err
		}
		r.Comparisons = append(r.Comparisons, c)
	}
	if !r.Agrees() {
		return r, r.findNode(ctx, g, start, seed)
	}
	return r, nil
}

// compare differentiates the sum of a graph's float outputs, each multiplied by a random cotangent, along a random
// direction at a point. It calls newGraph for each copy of the graph that it needs.
func compare(ctx context.Context, newGraph func() (*graphs.Graph, error), at point, rng *rand.Rand) (
	c Comparison, err error) {
	if err := ctx.Err(); err != nil {
		return c, err
	}
	forward, err := newGraph()
	if err != nil {
		return c, err
	}
	g, err := newGraph()
	if err != nil {
		return c, err
	}
	wrt := floats(g.Inputs)
	cotangents, drawn := AddCotangents(g), map[string][]float32{}
	for _, y := range floats(g.Outputs) {
		drawn[y.Name] = normal(rng, int(y.Len()), 1/math.Sqrt(float64(max(y.Len(), 1))))
	}
	gradients, err := backward(g, cotangents, wrt)
	if err != nil {
		return c, err
	}
	g.Outputs = nil
	for i, v := range gradients {
		if v != nil {
			g.Output(wrt[i].Name+".grad", v)
		}
	}
	g.RemoveDead()
	g.Fold()
	along, size := map[string][]float32{}, 0.0
	for _, v := range wrt {
		along[v.Name] = direction(rng, numbers.Decode[float32](at[v.Name]))
	}
	all := point{}
	for name, data := range at {
		all[name] = data
	}
	for name, values := range drawn {
		all[name+".cotangent"] = numbers.Bytes(values)
	}
	if len(g.Outputs) > 0 { // otherwise there is no gradient and the difference should be 0
		err = runOnce(ctx, g, all, func(name string, gradient []float32) {
			for i, d := range along[strings.TrimSuffix(name, ".grad")] {
				term := float64(d) * float64(gradient[i])
				c.Gradient += term
				size += term * term
			}
		})
	}
	if err = errors.Join(err, g.Err()); err != nil {
		return c, err
	}
	c.Size = math.Sqrt(size)
	runner, err := newRunner(ctx, forward, ort.Basic)
	if err != nil {
		return c, err
	}
	defer runner.Close()
	squares := 0.0 // of the terms of the last sum
	sumAt := func(along map[string][]float32, t float64) (sum float64, err error) {
		squares = 0
		err = runner.run(at, along, t, func(name string, y []float32) {
			for i, w := range drawn[name] {
				term := float64(w) * float64(y[i])
				sum, squares = sum+term, squares+term*term
			}
		})
		return sum, err
	}
	d, err := differences(func(t float64) (float64, error) { return sumAt(along, t) })
	if err != nil {
		return c, err
	}
	noise, err := roundingOf(sumAt, wrt, at, rng)
	c.Rounding = lastBit * math.Sqrt(squares) / firstStep
	c.Difference, c.Uncertainty = d.value, max(d.error, c.Rounding, noise/firstStep)
	return c, err
}

// lastBit is the part of a float32 that its last bit is worth.
const lastBit = 1.0 / (1 << 23)

// roundingOf returns how much a function moves when the last bits of its inputs do.
func roundingOf(f func(along map[string][]float32, t float64) (float64, error), inputs []*graphs.Value, at point,
	rng *rand.Rand) (float64, error) {
	moved := map[string][]float32{}
	for _, v := range inputs {
		for _, x := range numbers.Decode[float32](at[v.Name]) {
			moved[v.Name] = append(moved[v.Name], x*lastBit*float32(rng.IntN(3)-1))
		}
	}
	a, err := f(moved, 1)
	b, err2 := f(nil, 0)
	if difference := math.Abs(a - b); !math.IsNaN(difference) {
		return difference, errors.Join(err, err2)
	}
	return 0, errors.Join(err, err2)
}

// direction returns a random direction at a point. Where all entries are positive each moves by a part of itself, so
// that a variance stays one.
func direction(rng *rand.Rand, x []float32) []float32 {
	size := spread(x)
	out := normal(rng, len(x), size)
	if len(x) > 1 && !slices.ContainsFunc(x, func(v float32) bool { return !(v > 0) }) {
		for i, v := range x {
			out[i] *= v / float32(size)
		}
	}
	return out
}

// spread returns the typical magnitude of the entries, so that a step moves every tensor by the same part of it.
func spread(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	if sum == 0 {
		return 0.1
	}
	return math.Sqrt(sum / float64(len(x)))
}

// floats returns the values of type float32.
func floats(values []*graphs.Value) (out []*graphs.Value) {
	for _, v := range values {
		if v.Type == graphs.Float32 {
			out = append(out, v)
		}
	}
	return out
}

// findNode compares each node alone and keeps the first that disagrees.
func (r *Report) findNode(ctx context.Context, g *graphs.Graph, start point, seed uint64) error {
	values, err := intermediate(ctx, g, start)
	if err != nil {
		return err
	}
	for i, n := range g.Nodes {
		if len(floats(dropNil(n.Outputs))) == 0 {
			continue
		}
		alone := func() (*graphs.Graph, error) { return single(n) }
		disagreeing := 0 // one direction may disagree by chance where the function has kinks
		for j := range directions {
			c, err := compare(ctx, alone, values, rand.New(rand.NewPCG(seed, uint64(i*directions+j))))
			if refused := (*autodiff.Unsupported)(nil); errors.As(err, &refused) {
				break // no gradient of the model passes here
			}
			if err != nil {
				return fmt.Errorf("comparing %s alone: %w", n, err)
			}
			if c.Agrees() || !c.Decides() {
				continue
			}
			if disagreeing++; disagreeing == 2 {
				r.Wrong, r.WrongComparison = n, c
				return nil
			}
		}
		r.Nodes++
	}
	return nil
}

// single returns a graph of one node, with the node's inputs and outputs as its own.
func single(n *graphs.Node) (*graphs.Graph, error) {
	g := graphs.Imported("node", "fovea/", 0, map[string]int64{n.Domain: n.Version})
	known := map[*graphs.Value]*graphs.Value{nil: nil}
	copied := &graphs.Node{Op: n.Op, Domain: n.Domain, Name: n.Name, Version: n.Version, Attributes: n.Attributes}
	for _, v := range n.Inputs {
		if _, ok := known[v]; !ok {
			if data, constant := v.Content(); constant {
				known[v] = g.Initializer(v.Name, v.Type, v.Shape, data)
			} else {
				known[v] = g.Input(v.Name, v.Type, v.Shape...)
			}
		}
		copied.Inputs = append(copied.Inputs, known[v])
	}
	var results []*graphs.Value
	for _, v := range n.Outputs {
		if v != nil {
			v = &graphs.Value{Name: v.Name, Type: v.Type, Shape: v.Shape}
		}
		results = append(results, v)
	}
	// Statistics and masks beside the first result have no gradient of their own.
	for i, v := range g.Append(copied, results...) {
		if v != nil && (i == 0 || n.Op == "Split") {
			g.Output(v.Name, v)
		}
	}
	return g, g.Err()
}

func dropNil(values []*graphs.Value) []*graphs.Value {
	return slices.DeleteFunc(slices.Clone(values), func(v *graphs.Value) bool { return v == nil })
}
