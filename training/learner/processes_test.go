package learner

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"fovea/graphs/artifacts"
	"fovea/graphs/vit"
	"fovea/internal/numbers"
	"fovea/models"
	"fovea/onnx/engine"
	"fovea/onnx/weights"
	"fovea/training/collective"
	"fovea/training/optim"
)

// A joint is a small training by several processes, each of which is a goroutine here.
type joint struct {
	context  context.Context
	settings Settings
	model    *models.ViT
	engine   *engine.Engine
	batch    int
}

func newJoint(t *testing.T, frozen string) *joint {
	t.Helper()
	j, err := openJoint(t.Context(), frozen)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.engine.Close() })
	return j
}

func openJoint(ctx context.Context, frozen string) (*joint, error) {
	// Six chunks of parameters, so that several processes have pieces.
	m, err := models.NewViT(vit.Config{ImageSize: 28, Patch: 7, Width: 128, Depth: 2, Heads: 4, Classes: 5, Pool: vit.Mean})
	if err != nil {
		return nil, err
	}
	var tensors []optim.Tensor
	for _, p := range m.Parameters() {
		tensors = append(tensors, optim.Tensor{Name: p.Name, Shape: p.Shape, Layer: p.Layer, Decay: p.Decay})
	}
	j := &joint{context: ctx, model: m, batch: 2, settings: Settings{AdamW: optim.DefaultAdamW(), Accumulate: 1,
		Images: m.Images(), DropPath: 0.2, Clip: 0.5, EMA: 0.9, Workers: 1}}
	if j.settings.Layout, err = optim.NewLayout(tensors, optim.Decay{Layer: 0.65, Weight: 0.05}); err != nil {
		return nil, err
	}
	j.settings.Layout.Freeze(func(p optim.Param) bool { return regexp.MustCompile(frozen).MatchString(p.Name) })
	j.engine, err = engine.New(ctx, engine.Settings{Provider: "cpu", Threads: 1}, nil)
	return j, err
}

// open makes the learner of a process.
func (j *joint) open(s Settings) (*Learner, error) {
	o := artifacts.Options{Frozen: map[string]bool{}}
	for _, p := range s.Layout.Params {
		o.Frozen[p.Name] = p.Frozen
	}
	g, err := artifacts.Training(j.model, int64(j.batch), o)
	if err != nil {
		return nil, err
	}
	l, err := New(s, j.engine, g)
	if err != nil {
		return nil, err
	}
	err = l.Start(func(parameters []float32) error {
		for i, p := range s.Layout.Params {
			j.model.Initialize(i, p.View(parameters), 3)
		}
		return nil
	})
	return l, err
}

// A result is all that a training leaves in the first process, and its parameters in each.
type result struct {
	names  []string
	values [][]float32
	losses []float64
}

// train takes steps from one to another with a number of processes. It begins with the values of before, if there are.
func (j *joint) train(size int, s Settings, before *result, from, to int, badStep int) (*result, error) {
	out := &result{}
	errs := make([]error, size)
	var wg sync.WaitGroup
	for rank, g := range collective.Local(size) {
		wg.Go(func() {
			s := s
			s.Group = g
			var r *result
			if rank == 0 {
				r = out
			} else {
				r = &result{}
			}
			if errs[rank] = j.rank(s, before, r, from, to, badStep); errs[rank] != nil {
				g.Abort(errs[rank])
			}
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

func (j *joint) rank(s Settings, before, out *result, from, to, badStep int) (err error) {
	l, err := j.open(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for i := range l.gradients.Float32() { // what the runtime does not write is found
		if p := s.Layout.TrainedFrom(); i >= p && slices.ContainsFunc(s.Layout.Params, func(p optim.Param) bool {
			return !p.Frozen && p.Offset <= i && i < p.Offset+p.Size
		}) {
			l.gradients.Float32()[i] = float32(math.NaN())
		}
	}
	if before != nil {
		err = l.Checkpoint(true, func(parameters, optimizer []weights.Tensor) error {
			for i, t := range append(parameters, optimizer...) {
				copy(t.Data, numbers.Bytes(before.values[i]))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	share := s.share()
	taken := int64(from)
	if 0 <= badStep && badStep < from {
		taken--
	}
	for step := from; step < to; step++ {
		for micro := share.Start; micro < share.End; micro++ {
			index := step*s.Accumulate + micro
			rng := rand.New(rand.NewPCG(uint64(index), 9))
			images := make([]float32, j.batch*3*28*28)
			for i := range images {
				images[i] = float32(rng.NormFloat64())
			}
			targets := make([]float32, j.batch*5)
			for i := range j.batch {
				targets[5*i+rng.IntN(5)] = 1
			}
			if step == badStep && micro == s.Accumulate-1 {
				images[0] = float32(math.Inf(1))
			}
			if err := errors.Join(l.Stage(images, targets, 0, index), l.ForwardBackward()); err != nil {
				return err
			}
		}
		if err := l.Update(taken+1, 1e-3); err != nil {
			return err
		}
		loss, err := l.Settle()
		var bad *NotFinite
		if err != nil && !(errors.As(err, &bad) && step == badStep) {
			return err
		}
		if err == nil {
			taken++
			out.losses = append(out.losses, loss, l.Norm())
		}
	}
	mine := slices.Clone(l.parameters.Float32())
	first := mine
	if s.Group != nil {
		text, err := s.Group.Broadcast(numbers.Bytes(mine))
		if err != nil {
			return err
		}
		first = numbers.View[float32](text)
	}
	if !slices.Equal(mine, first) {
		return errors.New("the parameters are others than in the first process")
	}
	return l.Checkpoint(false, func(parameters, optimizer []weights.Tensor) error {
		for _, t := range append(parameters, optimizer...) {
			out.names = append(out.names, t.Name)
			out.values = append(out.values, slices.Clone(numbers.View[float32](t.Data)))
		}
		return nil
	})
}

// differs names the first thing that is not the same to the bit.
func (r *result) differs(want *result) string {
	if !slices.Equal(r.losses, want.losses) {
		return fmt.Sprintf("losses and norms are %v, want %v", r.losses, want.losses)
	}
	for i, name := range want.names {
		if i >= len(r.names) || r.names[i] != name || !slices.Equal(r.values[i], want.values[i]) {
			return name
		}
	}
	return ""
}

// TestProcesses: any number of processes ends with the bits of one, for any number of micro-batches, with buckets that
// go out during the backward pass and behind it, with a step whose gradients are infinite, and with layers that are
// frozen before and among others.
func TestProcesses(t *testing.T) {
	const steps, badStep = 3, 1
	for frozen, cases := range map[string][]struct{ size, accumulate, bucket int }{ // bucket 1: the smallest
		"^$": {{2, 1, 0}, {2, 1, 1}, {2, 3, 1}, {2, 4, 0}, {3, 2, 1}, {3, 5, 0}, {3, 5, 1}, {3, 7, 0}, {4, 3, 0}, {4, 6, 1}},
		`^patch_embed|^blocks\.0\.mlp|^blocks\.1\.attn`: {{2, 3, 1}, {3, 4, 0}, {4, 7, 1}},
	} {
		j := newJoint(t, frozen)
		for _, c := range cases {
			if testing.Short() && c.accumulate != 5 {
				continue
			}
			s := j.settings
			s.Accumulate, s.Bucket = c.accumulate, c.bucket
			want := &result{}
			if err := j.rank(s, nil, want, 0, steps, badStep); err != nil {
				t.Fatal(err)
			}
			got, err := j.train(c.size, s, nil, 0, steps, badStep)
			if err != nil {
				t.Fatalf("%+v: %v", c, err)
			}
			if what := got.differs(want); what != "" {
				t.Errorf("%+v: another %s", c, what)
			}
		}
	}
}

// TestResumeElsewhere: a checkpoint of some processes goes on in another number of them.
func TestResumeElsewhere(t *testing.T) {
	j := newJoint(t, "^$")
	s := j.settings
	s.Accumulate = 3
	want := &result{}
	if err := j.rank(s, nil, want, 0, 4, -1); err != nil {
		t.Fatal(err)
	}
	var before *result
	for step, size := range []int{2, 4, 1, 3} {
		s.Bucket = step % 2
		after, err := j.train(size, s, before, step, step+1, -1)
		if err != nil {
			t.Fatal(err)
		}
		if before != nil {
			after.losses = append(before.losses, after.losses...)
		}
		before = after
	}
	if what := before.differs(want); what != "" {
		t.Errorf("another %s", what)
	}
}

// TestOneFails: if the backward pass of one process fails while buckets go out, none of them hangs.
func TestOneFails(t *testing.T) {
	j := newJoint(t, "^$")
	s := j.settings
	s.Accumulate, s.Bucket = 3, 1
	errs := make([]error, 3)
	var wg sync.WaitGroup
	for rank, g := range collective.Local(3) {
		wg.Go(func() {
			s := s
			s.Group = g
			l, err := j.open(s)
			if err == nil && rank == 1 {
				err = l.session.Close() // so that Run fails
			}
			err = errors.Join(err, l.Stage(make([]float32, j.batch*3*28*28), make([]float32, j.batch*5), 0, 0))
			if err == nil {
				err = l.ForwardBackward()
			}
			if errs[rank] = errors.Join(err, l.Close()); err != nil {
				g.Abort(err)
			}
		})
	}
	wg.Wait()
	for rank, err := range errs {
		if err == nil || !strings.Contains(err.Error(), "running a session: it is closed") {
			t.Errorf("rank %d: %v", rank, err)
		}
	}
}
