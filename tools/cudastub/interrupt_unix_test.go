//go:build unix

package cudastub

import (
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// TestInterruptAfterCUDA proves that Ctrl-C reaches Go after the CUDA provider was loaded.
func TestInterruptAfterCUDA(t *testing.T) {
	Run(t, func(t *testing.T) {
		interrupts := make(chan os.Signal, 1)
		signal.Notify(interrupts, os.Interrupt)
		defer signal.Stop(interrupts)
		x := []*pb.ValueInfoProto{tensor("x", pb.TensorProto_FLOAT, 8)}
		s, err := ort.NewSession(model(t, x, tensor("y", pb.TensorProto_FLOAT, 8), node("Neg", "x", "y")),
			ort.Options{Provider: "cuda"})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		select {
		case <-interrupts:
		case <-time.After(10 * time.Second):
			t.Error("the interrupt did not arrive")
		}
	})
}
