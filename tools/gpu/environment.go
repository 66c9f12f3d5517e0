package main

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"fovea/internal/machine"
	"fovea/onnx/ort/install"
	"fovea/tools/worker"
)

// environment lists hardware and software, and makes sure that a step runs.
func environment(ctx context.Context, s *section) error {
	s.table("", "what", "")
	if s.cuda() {
		query := "driver_version,clocks.max.sm,clocks.max.mem,power.limit,ecc.mode.current,persistence_mode"
		smi := exec.CommandContext(ctx, "nvidia-smi", "--query-gpu="+query, "--format=csv,noheader", "--id=0")
		if out, err := smi.Output(); err == nil {
			s.row("nvidia-smi: "+query, strings.TrimSpace(string(out)))
		}
	}
	s.row("processor", fmt.Sprintf("%s, %d cores, of them %d used",
		machine.Processor(), runtime.NumCPU(), runtime.GOMAXPROCS(0)))
	s.row("Fovea", revision(ctx))
	for line := range strings.Lines(install.Doctor(ctx, s.source()).String()) {
		const column = 14 // where the text begins
		if line = strings.TrimSuffix(line, "\n"); len(line) > column {
			s.row(strings.TrimSpace("doctor: "+line[:column]), line[column:])
		}
	}
	if s.Python == "" {
		s.row("PyTorch", "none: -python is not given, so that nothing is compared with it")
	} else {
		a, err := worker.Measure(ctx, s.peer(), s.job(mini(2), "fp32"), worker.Request{Versions: true})
		if err != nil {
			return fmt.Errorf("-python %s: %w", s.Python, err)
		}
		for _, name := range slices.Sorted(maps.Keys(a[0].Versions)) {
			s.row(name, a[0].Versions[name])
		}
	}
	_, err := worker.Measure(ctx, worker.StartFovea, s.job(mini(2), "auto"), worker.Steps(1, 1e-3))
	return err
}

// revision returns the version of this program, or else the commit of the folder that it runs in.
func revision(ctx context.Context) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	if version == "" || version == "(devel)" { // go run records no commit
		out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=40").Output()
		if err == nil {
			version = strings.TrimSpace(string(out))
		}
	}
	return version + ", " + info.GoVersion
}
