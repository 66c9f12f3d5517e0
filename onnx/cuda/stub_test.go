package cuda_test

import (
	"bytes"
	"errors"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fovea/onnx/cuda"
	"fovea/tools/cudastub"
)

// run calls f with the stand-in GPU and checks that everything was given back afterwards.
func run(t *testing.T, f func(t *testing.T, d *cuda.Device)) {
	cudastub.Run(t, func(t *testing.T) {
		d, err := cuda.Open(0)
		if err != nil {
			t.Fatal(err)
		}
		before := cudastub.Live(t)
		f(t, d)
		if after := cudastub.Live(t); after != before {
			t.Errorf("live: %+v, before %+v", after, before)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}

// ok ends the test if there is an error.
func ok(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestCUDADevice(t *testing.T) {
	t.Setenv("FOVEA_CUDA_STUB_MEMORY", strconv.Itoa(1<<24))
	t.Setenv("FOVEA_CUDA_STUB_CAPABILITY", "7.5")
	t.Setenv("FOVEA_CUDA_STUB_DRIVER", "12080")
	run(t, func(t *testing.T, d *cuda.Device) {
		if got, want := d.Info(),
			(cuda.Info{Index: 0, Name: "stand-in", Major: 7, Minor: 5, Memory: 1 << 24, Driver: 12080}); got != want {
			t.Errorf("the GPU is %+v, want %+v", got, want)
		}
		m, err := d.Allocate(1 << 23)
		ok(t, err)
		if free, total, err := d.Free(); free != 1<<23 || total != 1<<24 || err != nil {
			t.Errorf("%d of %d bytes are free, %v", free, total, err)
		}
		if err := d.Close(); err == nil || !strings.Contains(err.Error(), "memory still in use") {
			t.Errorf("closing the GPU with memory in use: %v", err)
		}
		_, err = d.Allocate(1<<23 + 1)
		var oom *cuda.OutOfMemory
		if !errors.As(err, &oom) || *oom != (cuda.OutOfMemory{Bytes: 1<<23 + 1, Free: 1 << 23, Total: 1 << 24}) {
			t.Errorf("too much memory: %v", err)
		}
		ok(t, m.Free())
		if _, err := cuda.Open(1); !errors.Is(err, cuda.ErrNoDevice) {
			t.Errorf("a second GPU: %v", err)
		}
	})
}

func TestCUDANoDevice(t *testing.T) {
	t.Setenv("FOVEA_CUDA_STUB_DEVICES", "0")
	cudastub.Run(t, func(t *testing.T) {
		if list, err := cuda.Devices(); len(list) > 0 || !errors.Is(err, cuda.ErrNoDevice) {
			t.Errorf("%v with the error %v", list, err)
		}
	})
}

func TestCUDACopies(t *testing.T) {
	run(t, func(t *testing.T, d *cuda.Device) {
		s, err := d.NewStream()
		ok(t, err)
		a, err := d.Allocate(1000)
		ok(t, err)
		b, err := d.Allocate(1000)
		ok(t, err)
		h, err := d.AllocateHost(1000)
		ok(t, err)
		plain := make([]byte, 1000)
		ok(t, s.Download(plain, a, 0))
		if !bytes.Equal(plain, make([]byte, 1000)) || !bytes.Equal(h.Bytes(), make([]byte, 1000)) {
			t.Error("new memory is not zero")
		}
		for i := range plain {
			plain[i], h.Bytes()[i] = byte(i), byte(3*i)
		}
		ok(t, s.Upload(a, 0, plain), s.Upload(a, 100, h.Bytes()[:50]), s.Copy(b, 10, a, 90, 100), s.Zero(b, 15, 5),
			s.Download(h.Bytes()[500:], b, 0), s.Synchronize())
		want := make([]byte, 500)
		copy(want[10:], plain[90:190])
		for i := range 50 {
			want[20+i] = byte(3 * i)
		}
		clear(want[15:20])
		if got := h.Bytes()[500:]; !bytes.Equal(got, want) {
			t.Errorf("copied %v, want %v", got[:130], want[:130])
		}
		for name, err := range map[string]error{
			"upload": s.Upload(a, 1, plain), "download": s.Download(plain, a, -1), "copy": s.Copy(a, 0, b, 999, 2),
			"zero": s.Zero(a, 1001, 0), "negative": s.Zero(a, 0, -1),
			"size": func() error { _, err := d.Allocate(-1); return err }(),
		} {
			if err == nil || !strings.Contains(err.Error(), "GPU 0") {
				t.Errorf("%s past the end: %v", name, err)
			}
		}
		ok(t, a.Free(), b.Free(), h.Free())
		for name, err := range map[string]error{"free": a.Free(), "free page-locked": h.Free(),
			"use": s.Zero(b, 0, 1)} {
			if err == nil || !strings.Contains(err.Error(), "given back before") {
				t.Errorf("%s after free: %v", name, err)
			}
		}
		ok(t, s.Close())
		if s.Close() == nil || s.Synchronize() == nil {
			t.Error("a closed stream works")
		}
	})
}

// A context of the driver is current on one thread, and goroutines move between threads.
func TestCUDAThreads(t *testing.T) {
	run(t, func(t *testing.T, d *cuda.Device) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				runtime.LockOSThread() // and end it
				m, err := d.Allocate(16)
				if err != nil {
					t.Error(err)
					return
				}
				if err := m.Free(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

func TestCUDAEventsAndModules(t *testing.T) {
	run(t, func(t *testing.T, d *cuda.Device) {
		s, err := d.NewStream()
		ok(t, err)
		e, err := d.NewEvent()
		ok(t, err)
		ok(t, e.Synchronize(), s.Record(e), s.Wait(e), e.Synchronize(), e.Close())
		if e.Close() == nil || s.Record(e) == nil || s.Wait(e) == nil || e.Synchronize() == nil {
			t.Error("a closed event works")
		}

		if _, err := d.Load([]byte(".version 6.3\n.entry nothing()")); err == nil ||
			!strings.Contains(err.Error(), "no kernel add") {
			t.Errorf("a wrong program: %v", err)
		}
		ptx, err := os.ReadFile("../../training/optim/gpu/kernels.ptx")
		ok(t, err)
		program, err := d.Load(ptx)
		ok(t, err)
		if _, err := program.Function("subtract"); err == nil ||
			!strings.Contains(err.Error(), "CUDA_ERROR_NOT_FOUND") {
			t.Errorf("a kernel that is not there: %v", err)
		}
		add, err := program.Function("add")
		ok(t, err)
		m, err := d.Allocate(64)
		ok(t, err)
		h, err := d.AllocateHost(64)
		ok(t, err)
		h.Bytes()[3] = 0x40 // 2, as float32
		arguments := struct {
			sum, gradients uintptr
			n              int64
		}{m.Pointer(), m.Pointer() + 32, 2}
		ok(t, s.Upload(m, 32, h.Bytes()[:32]), s.Launch(add, 1, 32, arguments), s.Launch(add, 1, 32, arguments),
			s.Download(h.Bytes(), m, 0), s.Synchronize())
		if !slices.Equal(h.Bytes()[:4], []byte{0, 0, 0x80, 0x40}) {
			t.Errorf("2 + 2 is %v", h.Bytes()[:4])
		}
		for _, err := range []error{s.Launch(add, 0, 32, arguments), s.Launch(add, 1, 2048, arguments),
			s.Launch(add, 1, 1, nil)} {
			if err == nil || !strings.Contains(err.Error(), "launching add") {
				t.Errorf("a wrong launch: %v", err)
			}
		}
		ok(t, program.Close())
		if program.Close() == nil || s.Launch(add, 1, 32, arguments) == nil {
			t.Error("a closed module works")
		}
		ok(t, m.Free(), h.Free(), s.Close())
	})
}

// The stand-in takes the handler of Ctrl-C when it is opened.
func TestCUDAKeepsSignals(t *testing.T) {
	run(t, func(t *testing.T, d *cuda.Device) {
		interrupts := make(chan os.Signal, 1)
		signal.Notify(interrupts, os.Interrupt)
		defer signal.Stop(interrupts)
		another, err := cuda.Open(0)
		ok(t, err, another.Close())
		self, err := os.FindProcess(os.Getpid())
		ok(t, err, self.Signal(syscall.SIGINT))
		select {
		case <-interrupts:
		case <-time.After(10 * time.Second):
			t.Error("the interrupt did not arrive")
		}
	})
}
