package collective

// #include <stdlib.h>
// #include "mpi.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"fovea/internal/sharedlib"
	"fovea/internal/signals"
)

// An mpi is the group of all processes that a launcher started. One thread makes all calls of MPI.
type mpi struct {
	functions  C.struct_fovea_mpi
	rank, size int
	calls      chan func()
	calling    sync.Mutex // held during a call, and for ever after Close
}

// joined tells whether this process has started MPI.
var joined atomic.Bool

// Exit ends the process as os.Exit does. A process that has used MPI must end with it: MPICH takes leave of its launcher
// in a handler of C's exit, without which the launcher kills the ranks that still run.
func Exit(code int) {
	if joined.Load() {
		C.exit(C.int(code))
	}
	os.Exit(code)
}

// openMPI opens an MPI library for the rest of the process and joins the other ranks. size is the number of processes
// that the launcher told, 0 if it told none.
func openMPI(path string, size int) (*mpi, error) {
	m := &mpi{calls: make(chan func())}
	var err error
	m.functions, err = load(path)
	if err != nil {
		return nil, err
	}
	go func() {
		runtime.LockOSThread()
		for f := range m.calls {
			f()
		}
	}()
	var code, rank, found C.int
	if err := signals.Keep(func() error {
		m.onThread(func() { code = C.fovea_mpi_init(&m.functions, &rank, &found) })
		return nil
	}); err != nil {
		return nil, err
	}
	if code != 0 {
		return nil, fmt.Errorf("%s cannot start: MPI_Init_thread returned %d", path, code)
	}
	joined.Store(true)
	m.rank, m.size = int(rank), int(found)
	if size > 0 && m.size != size {
		return nil, fmt.Errorf("%s sees %d processes, the launcher started %d: the library is not the launcher's; "+
			"set %s to the MPI library that belongs to it", path, m.size, size, variable)
	}
	return m, nil
}

// load finds the functions of an MPI library, and which of three binary interfaces it has.
func load(path string) (f C.struct_fovea_mpi, err error) {
	// Open MPI opens plug-ins that need its symbols.
	if err := sharedlib.OpenGlobal(path); err != nil {
		return f, err
	}
	l, err := sharedlib.Open(path)
	if err != nil {
		return f, err
	}
	for name, at := range map[string]*unsafe.Pointer{"MPI_Init_thread": &f.init_thread, "MPI_Comm_rank": &f.comm_rank,
		"MPI_Comm_size": &f.comm_size, "MPI_Alltoallv": &f.alltoallv, "MPI_Abort": &f.abort,
		"MPI_Ibarrier": &f.ibarrier, "MPI_Test": &f.test, "MPI_Finalize": &f.finalize} {
		if *at = l.Symbol(name); *at == nil {
			return f, fmt.Errorf("%s is no MPI library: it has no function %s", path, name)
		}
	}
	abi := l.Symbol("MPI_Abi_get_version")
	world, float32 := l.Symbol("ompi_mpi_comm_world"), l.Symbol("ompi_mpi_float")
	switch {
	case world != nil && float32 != nil: // Open MPI
		f.world, f.float32, f.serialized = C.intptr_t(uintptr(world)), C.intptr_t(uintptr(float32)), 2
	case abi != nil && C.fovea_mpi_abi(abi) >= 1: // MPI 5
		f.world, f.float32, f.serialized = 0x101, 0x210, 2048
	default: // MPICH, and Intel MPI's libmpi.so.12
		f.world, f.float32, f.serialized = 0x44000000, 0x4c00040a, 2
	}
	return f, nil
}

// onThread runs f on the thread of MPI.
func (m *mpi) onThread(f func()) {
	m.calling.Lock()
	defer m.calling.Unlock()
	done := make(chan struct{})
	m.calls <- func() {
		defer close(done)
		f()
	}
	<-done
}

func (m *mpi) Rank() int { return m.rank }
func (m *mpi) Size() int { return m.size }

func (m *mpi) exchange(send []float32, to ranges, receive []float32, from ranges) error {
	var code C.int
	m.onThread(func() {
		code = C.fovea_mpi_exchange(&m.functions, (*C.float)(unsafe.SliceData(send)), ints(to.start), ints(to.length),
			(*C.float)(unsafe.SliceData(receive)), ints(from.start), ints(from.length))
	})
	if code != 0 {
		return fmt.Errorf("rank %d of %d: MPI_Alltoallv returned %d", m.rank, m.size, code)
	}
	return nil
}

// rest waits in a barrier of MPI, and sleeps between two looks at it: a call that waits would keep a core busy.
func (m *mpi) rest() error {
	var request C.intptr_t
	var code, done C.int
	m.onThread(func() { code = C.fovea_mpi_ibarrier(&m.functions, &request) })
	for start := time.Now(); code == 0; {
		if m.onThread(func() { code = C.fovea_mpi_test(&m.functions, &request, &done) }); done != 0 {
			break
		}
		time.Sleep(min(20*time.Microsecond+time.Since(start)/16, 5*time.Millisecond))
	}
	if code != 0 {
		return fmt.Errorf("rank %d of %d: a barrier of MPI returned %d", m.rank, m.size, code)
	}
	return nil
}

func ints(x []int32) *C.int { return (*C.int)(unsafe.Pointer(unsafe.SliceData(x))) }

func (m *mpi) abort(reason error) {
	fmt.Fprintln(os.Stderr, reason)
	time.Sleep(100 * time.Millisecond) // MPICH's launcher may end before it has read the reason
	// While the thread waits in a call for other ranks, it can make no other call. The launcher then ends all because
	// this process exits without MPI_Finalize.
	if m.calling.TryLock() {
		aborting := make(chan struct{})
		m.calls <- func() {
			C.fovea_mpi_abort(&m.functions)
			close(aborting)
		}
		<-aborting
	}
	os.Exit(1)
}

func (m *mpi) Close() error {
	if err := m.rest(); err != nil { // none leaves while another still writes
		return err
	}
	var code C.int
	m.onThread(func() { code = C.fovea_mpi_finalize(&m.functions) })
	if code != 0 {
		return errors.New("MPI_Finalize failed")
	}
	return nil
}
