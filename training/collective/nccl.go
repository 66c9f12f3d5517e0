package collective

// #include "nccl.h"
import "C"

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"fovea/internal/sharedlib"
	"fovea/internal/signals"
	"fovea/onnx/cuda"
)

// GPUs joins the GPUs of a group, one of each rank, by NVIDIA's library NCCL. All ranks call the same methods in the
// same order. Like those of [cuda.Stream] they put work into the queue of a stream and return. NCCL adds in an order of
// its own.
type GPUs struct {
	functions C.struct_fovea_nccl
	comm      C.uintptr_t
	device    *cuda.Device // keeps the GPU in use until Close
	rank      int
	size      int
	library   string // path and version
	closed    chan struct{}
	watching  sync.WaitGroup
	aborted   bool // by watch
}

// localVariables tell a process its number among those of its machine: of torchrun and [Meeting.Environ], Open MPI, MPICH
// and Intel MPI, Slurm.
var localVariables = []string{localVariable, "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"}

// GPU returns the index of the GPU that this rank uses: its number among the ranks of its machine, which the launcher's
// variables tell, else the names of the machines. It is an error if the machine has fewer GPUs than ranks. Without any GPU
// it is 0. All ranks call it.
func (g *Group) GPU() (int, error) {
	if g.Size() == 1 {
		return 0, nil
	}
	host, _ := os.Hostname()
	hosts, err := g.GatherBytes([]byte(host))
	if err != nil {
		return 0, err
	}
	here, number := 0, 0
	for rank, other := range hosts {
		if string(other) == host {
			here++
			if rank < g.Rank() {
				number++
			}
		}
	}
	for _, name := range localVariables {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n >= 0 {
			number = n
			break
		}
	}
	list, err := cuda.Devices()
	switch {
	case err != nil:
		return 0, nil // an engine says why
	case number < len(list):
		return number, nil
	case len(list) == 1 && os.Getenv("CUDA_VISIBLE_DEVICES") != "":
		return 0, nil // Slurm may show each process a GPU of its own; NCCL refuses one that two use
	}
	return 0, fmt.Errorf("rank %d of %d has number %d of the %d processes on %s, from 0, but this machine shows %d GPUs: "+
		`start one process for each GPU, or set runtime.provider = "cpu"`, g.Rank(), g.Size(), number, here, host, len(list))
}

// GPUs returns what joins the GPUs of all ranks. gpu is the index of this rank's, library the path of NCCL. The first
// call waits for all ranks. What it made stays until [Group.Close], so the library and the GPU are those of the first
// call.
func (g *Group) GPUs(library string, gpu int) (*GPUs, error) {
	if g.gpus != nil {
		return g.gpus, nil
	}
	x := &GPUs{rank: g.Rank(), size: g.Size(), library: library, closed: make(chan struct{})}
	if err := x.load(); err != nil {
		return nil, err
	}
	var id C.struct_fovea_nccl_id
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&id)), unsafe.Sizeof(id))
	if x.rank == 0 {
		if err := x.failure(C.fovea_nccl_new_id(&x.functions, &id), "ncclGetUniqueId"); err != nil {
			return nil, err
		}
	}
	known, err := g.Broadcast(bytes)
	if err != nil {
		return nil, err
	}
	copy(bytes, known)
	if x.device, err = cuda.Open(gpu); err != nil {
		return nil, err
	}
	err = x.call("ncclCommInitRank", func() C.int {
		return C.fovea_nccl_init(&x.functions, &x.comm, C.int(x.size), &id, C.int(x.rank))
	})
	if err != nil {
		x.device.Close()
		return nil, fmt.Errorf("GPU %d: %w; each process needs a GPU of its own", gpu, err)
	}
	g.gpus = x
	x.watching.Go(func() { x.watch(g) })
	return x, nil
}

// load opens the library and finds its functions.
func (x *GPUs) load() error {
	var l sharedlib.Library
	err := signals.Keep(func() (err error) {
		l, err = sharedlib.Open(x.library)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s, which joins the GPUs, cannot be opened: %w; install the package nvidia-nccl-cu13 "+
			"(pip) or libnccl2 (system), or set FOVEA_NCCL to the library's path", x.library, err)
	}
	f := &x.functions
	for name, at := range map[string]*unsafe.Pointer{"ncclGetVersion": &f.version, "ncclGetUniqueId": &f.id,
		"ncclCommInitRank": &f.init, "ncclReduceScatter": &f.reduce_scatter, "ncclAllGather": &f.all_gather,
		"ncclAllReduce": &f.all_reduce, "ncclBroadcast": &f.broadcast, "ncclCommGetAsyncError": &f.asynchronous,
		"ncclCommAbort": &f.abort, "ncclCommDestroy": &f.destroy, "ncclGetErrorString": &f.error_text,
		"ncclGetLastError": &f.last_error} {
		if *at = l.Symbol(name); *at == nil {
			return fmt.Errorf("%s has no function %s: NCCL 2.13 or newer is needed", x.library, name)
		}
	}
	var version C.int
	if err := x.failure(C.fovea_nccl_version(&x.functions, &version), "ncclGetVersion"); err != nil {
		return err
	}
	x.library = fmt.Sprintf("%s (NCCL %d.%d.%d)", x.library, version/10000, version/100%100, version%100)
	return nil
}

// watch ends all ranks when NCCL finds, between its calls, that another GPU cannot be reached.
func (x *GPUs) watch(g *Group) {
	for {
		select {
		case <-x.closed:
			return
		case <-time.After(time.Second):
		}
		var result C.int
		err := x.failure(C.fovea_nccl_asynchronous(&x.functions, x.comm, &result), "ncclCommGetAsyncError")
		const inProgress = 7
		if err == nil && result != inProgress {
			err = x.failure(result, "while GPUs communicate")
		}
		if err != nil {
			g.Abort(err)                             // a process of its own ends here
			C.fovea_nccl_abort(&x.functions, x.comm) // ends the kernels that wait for other GPUs
			x.aborted = true
			return
		}
	}
}

// Library returns the path of NCCL, with its version.
func (x *GPUs) Library() string { return x.library }

// ReduceScatter adds up the arenas of all ranks, float32 from an element on. Each has piece elements for every rank, one
// rank's after another's. Afterwards each rank has the total in its own; what lies in the others is not defined.
func (x *GPUs) ReduceScatter(s *cuda.Stream, arena *cuda.Memory, from, piece int) error {
	return x.pieces(arena, from, piece, "ncclReduceScatter", func(at C.uintptr_t) C.int {
		return C.fovea_nccl_reduce_scatter(&x.functions, x.comm, C.uintptr_t(s.Handle()), at, C.size_t(piece), C.int(x.rank))
	})
}

// AllGather gives every rank the pieces of all. An arena is that of [GPUs.ReduceScatter].
func (x *GPUs) AllGather(s *cuda.Stream, arena *cuda.Memory, from, piece int) error {
	return x.pieces(arena, from, piece, "ncclAllGather", func(at C.uintptr_t) C.int {
		return C.fovea_nccl_all_gather(&x.functions, x.comm, C.uintptr_t(s.Handle()), at, C.size_t(piece), C.int(x.rank))
	})
}

func (x *GPUs) pieces(arena *cuda.Memory, from, piece int, name string, call func(at C.uintptr_t) C.int) error {
	const float32Bytes = 4
	if from < 0 || piece < 0 || float32Bytes*(from+piece*x.size) > arena.Size() {
		return fmt.Errorf("rank %d of %d: %s: %d pieces of %d elements from %d on are more than the arena's %d bytes",
			x.rank, x.size, name, x.size, piece, from, arena.Size())
	}
	return x.call(name, func() C.int { return call(C.uintptr_t(arena.Pointer()) + C.uintptr_t(float32Bytes*from)) })
}

// AddFloat64 adds up the values of all ranks, float64, and gives every rank the total.
func (x *GPUs) AddFloat64(s *cuda.Stream, values *cuda.Memory) error {
	return x.call("ncclAllReduce", func() C.int {
		return C.fovea_nccl_all_reduce(&x.functions, x.comm, C.uintptr_t(s.Handle()), C.uintptr_t(values.Pointer()),
			C.size_t(values.Size()/8))
	})
}

// Broadcast gives every rank the bytes of rank 0.
func (x *GPUs) Broadcast(s *cuda.Stream, m *cuda.Memory) error {
	return x.call("ncclBroadcast", func() C.int {
		return C.fovea_nccl_broadcast(&x.functions, x.comm, C.uintptr_t(s.Handle()), C.uintptr_t(m.Pointer()),
			C.size_t(m.Size()))
	})
}

// call calls a function of NCCL for this rank's GPU.
func (x *GPUs) call(name string, function func() C.int) error {
	return x.device.With(func() error { return x.failure(function(), name) })
}

// failure returns the error of a call, in NCCL's words.
func (x *GPUs) failure(result C.int, name string) error {
	if result == 0 {
		return nil
	}
	text := C.GoString(C.fovea_nccl_error_text(&x.functions, result))
	if last := C.GoString(C.fovea_nccl_last_error(&x.functions, x.comm)); last != "" {
		text += ": " + last
	}
	return fmt.Errorf("rank %d of %d: %s: %s returned %d (%s)", x.rank, x.size, x.library, name, int(result), text)
}

// close gives all back, when all ranks have done their work or the group has failed.
func (x *GPUs) close(failed bool) error {
	close(x.closed)
	x.watching.Wait()
	var err error
	switch {
	case x.aborted:
	case failed: // others may never come to what this GPU waits for
		err = x.call("ncclCommAbort", func() C.int { return C.fovea_nccl_abort(&x.functions, x.comm) })
	default:
		err = x.call("ncclCommDestroy", func() C.int { return C.fovea_nccl_destroy(&x.functions, x.comm) })
	}
	if failed := x.device.Close(); err == nil {
		err = failed
	}
	return err
}
