package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"fovea/internal/machine"
	"fovea/onnx/cuda"
	"fovea/onnx/ort/install"
	"fovea/tools/worker"
	"fovea/training"
)

// environment lists hardware and software, and makes sure that a step runs.
func environment(ctx context.Context, s *section) error {
	s.table("", "what", "")
	if s.cuda() {
		devices, err := cuda.Devices()
		s.require(err == nil, "%v", err)
		for _, d := range devices {
			s.row(fmt.Sprintf("GPU %d", d.Index),
				fmt.Sprintf("%s, compute capability %d.%d, %d MiB, the driver offers CUDA %d.%d",
					d.Name, d.Major, d.Minor, d.Memory>>20, d.Driver/1000, d.Driver%1000/10))
		}
		query := "driver_version,clocks.max.sm,clocks.max.mem,power.limit,ecc.mode.current,persistence_mode"
		smi := exec.CommandContext(ctx, "nvidia-smi", "--query-gpu="+query, "--format=csv,noheader", "--id=0")
		if out, err := smi.Output(); err == nil {
			s.row("nvidia-smi: "+query, strings.TrimSpace(string(out)))
		}
	}
	s.row("processor", fmt.Sprintf("%s, %d cores, of them %d used",
		machine.Processor(), runtime.NumCPU(), runtime.GOMAXPROCS(0)))
	s.row("system", runtime.GOOS+"/"+runtime.GOARCH)
	s.row("Fovea", revision(ctx))
	for line := range strings.Lines(install.Doctor(ctx, s.source()).String()) {
		const column = 14 // where the text begins
		if line = strings.TrimSuffix(line, "\n"); len(line) > column {
			s.row(strings.TrimSpace("doctor: "+line[:column]), line[column:])
		}
	}
	if err := s.peerVersions(ctx); err != nil {
		return err
	}
	if s.Verdict == fail {
		return nil
	}
	m := mini(2)
	l, err := training.NewBench(ctx, s.config(m, "auto"), worker.Classes, training.Experiment{})
	if err != nil {
		return err
	}
	defer l.Close()
	b := worker.Noise(m, 1)
	err = errors.Join(l.Stage(b.Images[0], b.Targets[0], 0, 0), l.ForwardBackward(), l.Update(1, 1e-3))
	if err == nil {
		_, err = l.Settle()
	}
	return err
}

func (s *section) peerVersions(ctx context.Context) error {
	if s.Python == "" {
		s.row("PyTorch", "none: -python is not given, so that nothing is compared with it")
		return nil
	}
	p, err := s.peer()(ctx)
	if err != nil {
		return err
	}
	a, err := p.Send(worker.Request{Versions: true})
	if err != nil {
		return fmt.Errorf("-python %s: %w", s.Python, err)
	}
	for _, name := range slices.Sorted(maps.Keys(a.Versions)) {
		s.row(name, a.Versions[name])
	}
	return p.End()
}

// revision returns the commit that this program was built of, or else that of the folder that it runs in.
func revision(ctx context.Context) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	commit, changed := "", ""
	for _, x := range info.Settings {
		switch {
		case x.Key == "vcs.revision":
			commit = x.Value
		case x.Key == "vcs.modified" && x.Value == "true":
			changed = " with changes"
		}
	}
	if commit == "" { // go run records none
		out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=40").Output()
		if err == nil {
			commit = strings.TrimSpace(string(out))
		}
	}
	return strings.TrimPrefix(commit+changed+", "+info.GoVersion, ", ")
}
