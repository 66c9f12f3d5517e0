package training

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fovea/internal/durable"
	"fovea/tools/cudastub"
	"fovea/training/collective"
	"fovea/training/config"
)

// With this variable a test's program is a process with a GPU, which trains by the config of that path.
const gpuProcess = "FOVEA_TEST_GPU_PROCESS"

// onGPUProcesses trains with a process for each stand-in GPU, as torchrun starts them, and returns what each wrote.
func onGPUProcesses(t *testing.T, c *config.Config, size int, environ ...string) (outputs []string, errs []error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := durable.Write(path, c.WriteTOML); err != nil {
		t.Fatal(err)
	}
	outputs, errs = make([]string, size), make([]error, size)
	ended := make(chan struct{})
	for rank := range size {
		p := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		p.Env = append(os.Environ(), gpuProcess+"="+path, fmt.Sprint("RANK=", rank), fmt.Sprint("LOCAL_RANK=", rank),
			fmt.Sprint("WORLD_SIZE=", size), "FOVEA_MEET="+path+".meet")
		p.Env = append(p.Env, environ...)
		go func() {
			out, err := p.CombinedOutput()
			outputs[rank], errs[rank] = string(out), err
			ended <- struct{}{}
		}()
	}
	for range size {
		<-ended
	}
	return outputs, errs
}

// beGPUProcess trains as a process of onGPUProcesses.
func beGPUProcess(t *testing.T, path string) {
	c, err := config.Read(path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := collective.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	_, err = Run(t.Context(), c, Options{Group: g, NoFigures: true})
	if err = errors.Join(err, g.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestGPUsOnCUDA trains with two processes, each on a stand-in GPU of its own, joined by the stand-in of NCCL. They end
// where weight decay alone takes one, to the bit. One more process than GPUs is refused.
func TestGPUsOnCUDA(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		if path := os.Getenv(gpuProcess); path != "" {
			beGPUProcess(t, path)
			return
		}
		c := onStandIns(t)
		c.Model.Width, c.Model.Heads, c.Model.Depth = 96, 3, 3 // six chunks, so that both GPUs have a piece
		c.Training.Precision, c.Training.MaxSteps, c.Optimizer.Clip, c.Runtime.CUDAGraph = "fp16", 5, 1, true
		outputs, errs := onGPUProcesses(t, c, 2, "FOVEA_CUDA_STUB_DEVICES=2")
		for rank, err := range errs {
			joined := fmt.Sprintf("GPUs processes=2 gpu=%d", rank)
			if err != nil || !strings.Contains(outputs[rank], joined) {
				t.Fatalf("rank %d: %v, want %s\n%s", rank, err, joined, outputs[rank])
			}
		}
		onlyDecayed(t, c, filepath.Join(c.Output.Dir, c.Name))
		c.Name = "refused"
		outputs, errs = onGPUProcesses(t, c, 2)
		for rank, err := range errs {
			if want := "has number 1 of the 2 processes on"; err == nil || !strings.Contains(outputs[rank], want) ||
				!strings.Contains(outputs[rank], "this machine shows 1 GPUs: start one process for each GPU") {
				t.Errorf("rank %d, of two that have one GPU: %v\n%s", rank, err, outputs[rank])
			}
		}
	})
}
