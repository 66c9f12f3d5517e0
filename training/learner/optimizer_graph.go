package learner

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/onnx/engine"
	"fovea/onnx/ort"
	"fovea/training/optim"
)

// A graphOptimizer runs optimizer.onnx and its companions over the arenas, group after group: on any provider, several
// times slower than what is made for one. On a GPU it waits for the norm, which Go looks at before it goes on.
type graphOptimizer struct {
	*arenas
	cleanup
	settings Settings
	groups   []optim.Group
	from     int

	squares, steps, sums, averages *ort.Session // the last two nil where nothing needs them
	squareSum                      *scalar
	constants                      *ort.Memory // a row for each group, of the scalar inputs of steps and averages
	last                           float64
}

// scalars names the inputs of rank 0 of the optimizer's graphs, in the order of a row of constants.
var scalars = []string{"gradient_scale", "rate", "shrink", "beta1", "weight1", "beta2", "weight2", "correction2",
	"epsilon", "decay", "weight"}

const constantsRow = 16 // float32 values

// newGraphOptimizer opens the sessions. The caller closes the optimizer even if there is an error.
func newGraphOptimizer(s Settings, a *arenas, e *engine.Engine) (o *graphOptimizer, err error) {
	o = &graphOptimizer{arenas: a, settings: s, groups: s.Layout.Groups(), from: s.Layout.TrainedFrom()}
	for _, x := range []struct {
		to     **ort.Session
		build  func() (*graphs.Graph, error)
		needed bool
	}{{&o.squares, artifacts.SquareSum, true}, {&o.steps, artifacts.Optimizer, true},
		{&o.sums, artifacts.Accumulate, a.sum != nil}, {&o.averages, artifacts.Average, a.average != nil}} {
		if !x.needed {
			continue
		}
		g, err := x.build()
		if err != nil {
			return o, err
		}
		g.Lower(graphs.Float32, a.device != nil)
		model, err := g.Marshal()
		if err != nil {
			return o, err
		}
		if *x.to, err = e.OpenOnDevice(model); err != nil {
			return o, err
		}
		o.add((*x.to).Close)
	}
	o.squareSum, err = newScalar(a.device, o.squares, "square_sum", 1)
	o.add(o.squareSum.close)
	if err != nil {
		return o, err
	}
	if o.constants, err = a.device.AllocateFloat32(constantsRow * len(o.groups)); err == nil {
		o.add(o.constants.Free)
	}
	return o, err
}

// run runs a session with its vectors bound to a range of arenas and its scalars to a row of the constants.
func (o *graphOptimizer) run(s *ort.Session, vectors map[string]*ort.Memory, start, end, row int) error {
	for name, arena := range vectors {
		if err := bind(s, name, arena, start, int64(end-start)); err != nil {
			return err
		}
	}
	for _, info := range s.Inputs() {
		i := slices.Index(scalars, info.Name)
		if i < 0 {
			continue
		}
		if err := bind(s, info.Name, o.constants, constantsRow*row+i); err != nil {
			return err
		}
	}
	return s.Run()
}

func (o *graphOptimizer) accumulate(micro int) error {
	if o.sum == nil {
		return nil
	}
	size := o.sum.Size() / 4
	if micro == 0 {
		return o.device.Copy(o.sum, o.gradients)
	}
	return o.run(o.sums, map[string]*ort.Memory{"sum": o.sum, "gradient": o.gradients, "sum.next": o.sum}, o.from, size,
		0)
}

func (o *graphOptimizer) update(step int64, rate, divisor float64) error {
	gradients := o.stepGradients()
	const piece = 1 << 20 // elements, see artifacts.SquareSum
	sum := 0.0
	for start, end := o.from, gradients.Size()/4; start < end; start += piece {
		err := o.run(o.squares, map[string]*ort.Memory{"gradient": gradients}, start, min(start+piece, end), 0)
		if err := errors.Join(err, o.squareSum.receive(0), o.device.Wait()); err != nil {
			return err
		}
		sum += o.squareSum.value(0)
	}
	if o.last = math.Sqrt(sum) / divisor; !isFinite(o.last) {
		return nil
	}
	if err := o.writeConstants(step, rate, optim.ClipScale(o.last, o.settings.Clip)/divisor); err != nil {
		return err
	}
	for i, g := range o.groups {
		err := o.run(o.steps, map[string]*ort.Memory{"parameter": o.parameters, "gradient": gradients,
			"moment1": o.moment1, "moment2": o.moment2,
			"parameter.next": o.parameters, "moment1.next": o.moment1, "moment2.next": o.moment2}, g.Start, g.End, i)
		if err == nil && o.averages != nil {
			err = o.run(o.averages, map[string]*ort.Memory{"average": o.average, "parameter": o.parameters,
				"average.next": o.average}, g.Start, g.End, i)
		}
		if err != nil {
			return fmt.Errorf("optimizer group %d: %w", i, err)
		}
	}
	return nil
}

// writeConstants fills in the scalars of every group for a step.
func (o *graphOptimizer) writeConstants(step int64, rate, scale float64) error {
	w := o.settings.AdamW
	bias1, bias2 := 1-math.Pow(w.Beta1, float64(step)), 1-math.Pow(w.Beta2, float64(step))
	return o.device.Exchange([]*ort.Memory{o.constants}, false, true, func(contents []*ort.Memory) error {
		for i, g := range o.groups {
			lr := rate * g.LRScale
			for j, x := range []float64{scale, lr / bias1, 1 - lr*g.WeightDecay, w.Beta1, 1 - w.Beta1,
				w.Beta2, 1 - w.Beta2, math.Sqrt(bias2), w.Eps, o.settings.EMA, 1 - o.settings.EMA} {
				contents[0].Float32()[constantsRow*i+j] = float32(x)
			}
		}
		return nil
	})
}

func (o *graphOptimizer) norm() float64 { return o.last }
