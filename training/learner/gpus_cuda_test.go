package learner

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"fovea/internal/numbers"
	"fovea/onnx/engine"
	"fovea/onnx/weights"
	"fovea/tools/cudastub"
	"fovea/training/collective"
)

// trainOnGPUs takes steps with several stand-in GPUs, one for each goroutine, from the values of before, if there are.
// Sessions compute nothing there, so the gradients are drawn. Those of badStep overflow.
func (j *joint) trainOnGPUs(t *testing.T, size int, s Settings, before *result, from, to, badStep int) *result {
	t.Helper()
	t.Setenv("FOVEA_CUDA_STUB_DEVICES", fmt.Sprint(size))
	out := &result{}
	errs := make([]error, size)
	var wg sync.WaitGroup
	for rank, g := range collective.Local(size) {
		wg.Go(func() {
			r := &result{}
			if rank == 0 {
				r = out
			}
			s := s
			s.Group = g
			if errs[rank] = j.gpuRank(s, rank, before, r, from, to, badStep); errs[rank] != nil {
				g.Abort(errs[rank])
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return out
}

func (j *joint) gpuRank(s Settings, rank int, before, out *result, from, to, badStep int) (err error) {
	mine := *j
	mine.engine, err = engine.New(j.context, engine.Settings{Provider: "cuda", GPU: rank, Precision: "fp16"}, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mine.engine.Close()) }()
	if s.Group.Size() > 1 {
		if s.GPUs, err = s.Group.GPUs("libnccl.so.2", rank); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Group.Close()) }()
	}
	l, err := mine.open(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if before != nil {
		err := l.Checkpoint(true, func(parameters, optimizer []weights.Tensor) error {
			for i, t := range append(parameters, optimizer...) {
				copy(t.Data, numbers.Bytes(before.values[i]))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	share, taken := s.share(), int64(from)
	for step := from; step < to; step++ {
		for micro := share.Start; micro < share.End; micro++ {
			rng := rand.New(rand.NewPCG(uint64(step*s.Accumulate+micro), 9))
			err := l.Inject(func(name string, gradient []float32) {
				for i := range gradient {
					gradient[i] = float32(int32(rng.Uint32())) * float32(i%7)
				}
				if step == badStep && micro == s.Accumulate-1 && name == "head.bias" {
					gradient[1] = float32(math.Inf(1))
				}
			})
			if err != nil {
				return err
			}
		}
		if err := l.Update(taken+1, 1e-3); err != nil {
			return err
		}
		_, err := l.Settle()
		var overflow *Overflow
		if errors.As(err, &overflow) != (step == badStep) || err != nil && step != badStep {
			return fmt.Errorf("step %d: %v", step, err)
		}
		if err == nil {
			taken++
		}
		out.losses = append(out.losses, l.Norm(), l.LossScale())
	}
	return l.Checkpoint(false, func(parameters, optimizer []weights.Tensor) error {
		for _, t := range append(parameters, optimizer...) {
			out.names = append(out.names, t.Name)
			out.values = append(out.values, slices.Clone(numbers.View[float32](t.Data)))
		}
		return nil
	})
}

// TestGPUsOnCUDA: several stand-in GPUs, whose NCCL adds in pairs, end with the bits of one, through a step that
// overflows and a resume with another number of them. Where the micro-batches of a GPU are no node of the tree, or one has
// none, only the norm is compared, to rounding.
func TestGPUsOnCUDA(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		const badStep = 1
		for _, c := range []struct {
			frozen     string
			accumulate int
			sizes      []int
			exact      bool
		}{{"^$", 4, []int{2, 4}, true}, {`^patch_embed|^blocks\.1\.`, 2, []int{2}, true}, {"^$", 3, []int{4}, false}} {
			j := newJoint(t, c.frozen)
			s := j.settings
			s.Accumulate = c.accumulate
			one := j.trainOnGPUs(t, 1, s, nil, 0, 3, badStep)
			for _, size := range c.sizes {
				got := j.trainOnGPUs(t, size, s, nil, 0, 3, badStep)
				what := got.differs(one)
				if c.exact && what != "" {
					t.Errorf("%d GPUs: another %s", size, what)
				}
				for i, x := range got.losses {
					if want := one.losses[i]; !(math.Abs(x-want) <= 1e-6*want) && isFinite(want) {
						t.Errorf("%d GPUs: norms and scales are %v, want %v", size, got.losses, one.losses)
					}
				}
			}
			if c.accumulate != 4 {
				continue
			}
			one = j.trainOnGPUs(t, 1, s, nil, 0, 2, -1)
			first := j.trainOnGPUs(t, c.sizes[0], s, nil, 0, 1, -1)
			second := j.trainOnGPUs(t, c.sizes[len(c.sizes)-1], s, first, 1, 2, -1)
			second.losses = append(first.losses, second.losses...)
			if what := second.differs(one); what != "" {
				t.Errorf("after a resume with %d GPUs: another %s", c.sizes[len(c.sizes)-1], what)
			}
		}
	})
}

// TestGPUCallsOnCUDA: what a step of two GPUs queues, in order, all on one stream.
func TestGPUCallsOnCUDA(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		log := filepath.Join(t.TempDir(), "log")
		t.Setenv("FOVEA_CUDA_STUB_LOG", log)
		j := newJoint(t, "^$")
		s := j.settings
		s.Accumulate = 4
		j.trainOnGPUs(t, 2, s, nil, 0, 1, -1)
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		line := regexp.MustCompile(`stream (\d+): (ncclReduceScatter|ncclAllGather|ncclAllReduce|add|squares|fold|finish|adamw|average)\b`)
		calls := map[string][]string{}
		for _, m := range line.FindAllStringSubmatch(string(text), -1) {
			calls[m[1]] = append(calls[m[1]], m[2])
		}
		// The last two gather the moments for the checkpoint.
		const want = "add ncclReduceScatter squares fold ncclAllReduce finish adamw ncclAllGather average ncclAllGather ncclAllGather"
		if len(calls) != 2 {
			t.Errorf("%d streams compute, want one of each GPU", len(calls))
		}
		for stream, names := range calls {
			if got := strings.Join(names, " "); got != want {
				t.Errorf("stream %s: %s\nwant %s", stream, got, want)
			}
		}
	})
}
