package collective

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"fovea/internal/numbers"
	"fovea/onnx/cuda"
	"fovea/tools/cudastub"
)

// With the stand-ins the system's loader finds their NCCL.
const standIn = "libnccl.so.2"

// A gpuRank is what a rank needs to work on its GPU.
type gpuRank struct {
	*Group
	gpus   *GPUs
	device *cuda.Device
	stream *cuda.Stream
}

// onGPUs calls f for each rank of a group, each with a stand-in GPU of its own, and returns the errors.
func onGPUs(t *testing.T, size int, gpu func(rank int) int, f func(r gpuRank) error) []error {
	t.Setenv("FOVEA_CUDA_STUB_DEVICES", fmt.Sprint(size))
	errs := make([]error, size)
	var wg sync.WaitGroup
	for rank, g := range Local(size) {
		wg.Go(func() {
			errs[rank] = func() (err error) {
				r := gpuRank{Group: g}
				if r.gpus, err = g.GPUs(standIn, gpu(rank)); err != nil {
					return err
				}
				if r.device, err = cuda.Open(gpu(rank)); err != nil {
					return err
				}
				if r.stream, err = r.device.NewStream(); err != nil {
					return err
				}
				err = f(r)
				return errors.Join(err, r.stream.Synchronize(), r.stream.Close(), r.device.Close(), g.Close())
			}()
		})
	}
	wg.Wait()
	return errs
}

func itsOwn(rank int) int { return rank }

// upload returns memory of the rank's GPU with these values.
func upload[T float32 | float64](r gpuRank, values []T) (*cuda.Memory, error) {
	m, err := r.device.Allocate(len(numbers.Bytes(values)))
	if err != nil {
		return nil, err
	}
	return m, r.stream.Upload(m, 0, numbers.Bytes(values))
}

func download[T float32 | float64](r gpuRank, m *cuda.Memory) ([]T, error) {
	values := make([]T, m.Size()/len(numbers.Bytes(make([]T, 1))))
	return values, r.stream.Download(numbers.Bytes(values), m, 0)
}

// TestCUDACollectives: sums are those of the definition, each rank gets its own piece of them and then all pieces, over
// more than one buffer of the stand-in.
func TestCUDACollectives(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		const from = 32
		for _, size := range []int{1, 2, 3, 4} {
			for _, piece := range []int{64, 1<<16 + 16} {
				n := from + size*piece
				want := tree(0, size, n)
				err := errors.Join(onGPUs(t, size, itsOwn, func(r gpuRank) error {
					mine := gradients(r.Rank(), n)
					arena, err := upload(r, mine)
					if err != nil {
						return err
					}
					if err := r.gpus.ReduceScatter(r.stream, arena, from, piece); err != nil {
						return err
					}
					got, err := download[float32](r, arena)
					if err != nil {
						return err
					}
					start := from + r.Rank()*piece
					if !sameBits(got[start:start+piece], want[start:start+piece]) || !sameBits(got[:from], mine[:from]) {
						return fmt.Errorf("rank %d of %d: another sum", r.Rank(), size)
					}
					if err := r.gpus.AllGather(r.stream, arena, from, piece); err != nil {
						return err
					}
					if got, err = download[float32](r, arena); err != nil {
						return err
					}
					if !sameBits(got[from:], want[from:]) {
						return fmt.Errorf("rank %d of %d: other pieces", r.Rank(), size)
					}
					values, err := upload(r, []float64{float64(r.Rank()), 1, -0.5})
					if err != nil {
						return err
					}
					if err := r.gpus.AddFloat64(r.stream, values); err != nil {
						return err
					}
					total := float64(size)
					if x, err := download[float64](r, values); err != nil ||
						!slices.Equal(x, []float64{total * (total - 1) / 2, total, -total / 2}) {
						return fmt.Errorf("rank %d of %d: the sum is %v, %v", r.Rank(), size, x, err)
					}
					if err := errors.Join(r.stream.Upload(arena, 0, numbers.Bytes(mine)),
						r.gpus.Broadcast(r.stream, arena)); err != nil {
						return err
					}
					if got, err := download[float32](r, arena); err != nil || !sameBits(got, gradients(0, n)) {
						return fmt.Errorf("rank %d of %d has not what rank 0 sent: %v", r.Rank(), size, err)
					}
					return errors.Join(r.stream.Synchronize(), values.Free(), arena.Free())
				})...)
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// TestCUDACollectivesWait: a collective that does not wait for its data is refused, and so is work that does not wait for
// a collective. An event, or waiting in the program, makes it right.
func TestCUDACollectivesWait(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		log := filepath.Join(t.TempDir(), "log")
		t.Setenv("FOVEA_CUDA_STUB_LOG", log)
		err := errors.Join(onGPUs(t, 1, itsOwn, func(r gpuRank) error {
			arena, err := upload(r, make([]float32, 64))
			if err != nil {
				return err
			}
			other, err := r.device.NewStream()
			if err != nil {
				return err
			}
			ready, err := r.device.NewEvent()
			if err != nil {
				return err
			}
			if err := r.stream.Zero(arena, 0, 8); err != nil {
				return err
			}
			early := r.gpus.ReduceScatter(other, arena, 0, 64)
			if early == nil || !strings.Contains(early.Error(), "rank 0 of 1: libnccl.so.2 (NCCL 2.27.3): ncclReduceScatter "+
				"returned 5 (invalid usage: ncclReduceScatter : its data may not be ready)") {
				t.Errorf("a collective that does not wait: %v", early)
			}
			if err := errors.Join(r.stream.Record(ready), other.Wait(ready),
				r.gpus.ReduceScatter(other, arena, 0, 64)); err != nil {
				return err
			}
			if err := r.stream.Zero(arena, 0, 8); err == nil || !strings.Contains(err.Error(), "CUDA_ERROR_NOT_READY") {
				t.Errorf("work that does not wait for a collective: %v", err)
			}
			return errors.Join(other.Synchronize(), r.stream.Zero(arena, 0, 8), r.stream.Synchronize(), arena.Free(), ready.Close(), other.Close())
		})...)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		sequence := regexp.MustCompile(`(?m)^stream .*: (ncclReduceScatter|record|wait|fill) ?.*$`).FindAllString(string(text), -1)
		if got := strings.Join(sequence, "\n"); !regexp.MustCompile(`(?s)stream (\d+): fill 8
stream (\d+): ncclReduceScatter 64
stream (\d+): record
stream (\d+): wait
stream (\d+): ncclReduceScatter 64
stream (\d+): fill 8
stream (\d+): fill 8$`).MatchString(got) {
			t.Errorf("the calls are\n%s", got)
		}
	})
}

// TestCUDACollectivesFail: errors name the rank, the library and what NCCL says.
func TestCUDACollectivesFail(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		for rank, err := range onGPUs(t, 2, func(int) int { return 1 }, func(gpuRank) error { return nil }) {
			want := fmt.Sprintf(`^GPU 1: rank %d of 2: libnccl.so.2 \(NCCL 2.27.3\): ncclCommInitRank returned 5 \(invalid usage: `+
				`Duplicate GPU detected : rank \d and rank \d both on CUDA device 1\); each process needs a GPU of its own$`, rank)
			if err == nil || !regexp.MustCompile(want).MatchString(err.Error()) {
				t.Errorf("two ranks on one GPU: %v\nwant %s", err, want)
			}
		}
		for library, want := range map[string]string{
			"/nowhere/libnccl.so.2": "install the package nvidia-nccl-cu13 (pip) or libnccl2 (system), or set FOVEA_NCCL",
			"libm.so.6":             "libm.so.6 has no function nccl",
		} {
			if _, err := Local(1)[0].GPUs(library, 0); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", library, err, want)
			}
		}
		err := errors.Join(onGPUs(t, 1, itsOwn, func(r gpuRank) error {
			arena, err := upload(r, make([]float32, 64))
			if err != nil {
				return err
			}
			if err := r.gpus.AllGather(r.stream, arena, 16, 64); err == nil ||
				!strings.Contains(err.Error(), "1 pieces of 64 elements from 16 on are more than the arena's 256 bytes") {
				t.Errorf("past the end: %v", err)
			}
			return arena.Free()
		})...)
		if err != nil {
			t.Error(err)
		}
		t.Setenv("FOVEA_CUDA_STUB_NCCL", "broken")
		for rank, err := range onGPUs(t, 2, itsOwn, func(r gpuRank) error {
			for {
				if err := r.Barrier(); err != nil {
					return err
				}
			}
		}) {
			if err == nil || !regexp.MustCompile(`rank \d of 2: .*libnccl.so.2 \(NCCL 2.27.3\): while GPUs communicate returned 6 `+
				`\(remote process exited or there was a network error: socketProgress`).MatchString(err.Error()) {
				t.Errorf("rank %d, whose GPU cannot reach another: %v", rank, err)
			}
		}
	})
}

// TestCUDARankGPU: a rank takes the GPU of its number on the machine, by the launcher's variables or by the names of the
// machines. One process more than GPUs is an error, unless each is shown one GPU.
func TestCUDARankGPU(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		for _, name := range localVariables {
			t.Setenv(name, "")
		}
		chosen := func(size int) string {
			found := make([]string, size)
			var wg sync.WaitGroup
			for rank, g := range Local(size) {
				wg.Go(func() {
					gpu, err := g.GPU()
					found[rank] = fmt.Sprint(gpu, " ")
					if err != nil {
						found[rank] = regexp.MustCompile(` on .*, from 0, `).ReplaceAllString(err.Error(), " here ") + " "
					}
				})
			}
			wg.Wait()
			return strings.TrimSpace(strings.Join(found, ""))
		}
		const refused = "rank 2 of 3 has number 2 of the 3 processes here but this machine shows 2 GPUs: start one process for " +
			`each GPU, or set runtime.provider = "cpu"`
		for _, c := range []struct {
			gpus            string
			variable, value string
			size            int
			want            string
		}{
			{"4", "", "", 3, "0 1 2"},
			{"4", "LOCAL_RANK", "3", 2, "3 3"},
			{"4", "OMPI_COMM_WORLD_LOCAL_RANK", "1", 2, "1 1"},
			{"4", "MPI_LOCALRANKID", "2", 2, "2 2"},
			{"4", "SLURM_LOCALID", "2", 2, "2 2"},
			{"4", "LOCAL_RANK", "3", 1, "0"},
			{"2", "", "", 3, "0 1 " + refused},
			{"1", "CUDA_VISIBLE_DEVICES", "5", 2, "0 0"},
			{"0", "", "", 2, "0 0"},
		} {
			t.Run(c.gpus+c.variable, func(t *testing.T) {
				t.Setenv("FOVEA_CUDA_STUB_DEVICES", c.gpus)
				if c.variable != "" {
					t.Setenv(c.variable, c.value)
				}
				if got := chosen(c.size); got != c.want {
					t.Errorf("%d ranks take the GPUs %s, want %s", c.size, got, c.want)
				}
			})
		}
	})
}
