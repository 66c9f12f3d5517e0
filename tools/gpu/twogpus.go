package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fovea/internal/durable"
	"fovea/internal/runfiles"
	"fovea/onnx/cuda"
)

// twoGPUs trains on one GPU, on it once more, and on two. The losses of two GPUs may lie a few times as far from those of
// one as a second run of one GPU does.
func twoGPUs(ctx context.Context, s *section) error {
	if !s.cuda() {
		return skip("needs two GPUs")
	}
	gpus, err := cuda.Devices()
	if err != nil {
		return err
	}
	if len(gpus) < 2 {
		return skip(fmt.Sprintf("needs two GPUs, there is %d", len(gpus)))
	}
	trainer, err := s.findTrainer(ctx)
	if err != nil {
		return err
	}
	dir, err := s.dataset("fundus", "retinamnist", 1, map[string]int{"train": 9, "val": 4, "test": 5})
	if err != nil {
		return err
	}
	m := mini(5)
	m.Width, m.Heads = 192, 3 // so that both GPUs have parameters to update
	s.table(fmt.Sprintf("%s, 2 epochs of RetinaMNIST, accumulation, EMA, clipping, drop-path. Differences as parts of a "+
		"tensor's largest entry, of the last checkpoint.", m),
		"precision", "GPUs", "losses of the epochs", "s", "from the first run", "")
	for _, p := range s.precisions("fp32", s.halfPrecision()) {
		var first string
		var equal float64
		for i, devices := range []string{"1", "1", "2"} {
			c := s.config(m, p)
			c.Name = fmt.Sprintf("%s-%d", p, i)
			c.Data.Dir, c.Output.Dir = dir, filepath.Join(s.folder, "runs")
			c.Augment.Mixup, c.Optimizer.LR, c.Optimizer.Clip = 0, 1e-3, 1
			c.Schedule.Epochs, c.Schedule.Warmup = 2, 1
			c.Training.Accumulate, c.Training.EMA = 2, 0.9
			file := filepath.Join(s.folder, c.Name+".toml")
			if err := durable.Write(file, c.WriteTOML); err != nil {
				return err
			}
			start := time.Now()
			code, log, err := runTrainer(ctx, trainer, "", "-config", file, "-set", "runtime.devices="+devices)
			if err != nil {
				return err
			}
			if code != 0 {
				s.require(false, "%s on %s GPUs: exit code %d:\n%s", p, devices, code, log)
				break
			}
			seconds := fmt.Sprintf("%.1f", time.Since(start).Seconds())
			folder := filepath.Join(c.Output.Dir, c.Name)
			losses, err := epochLosses(folder)
			if err != nil {
				return err
			}
			if i == 0 {
				first = folder
				s.row(p, devices, losses, seconds, "", "")
				continue
			}
			off, err := compareCheckpoints(first, folder)
			if err != nil {
				return err
			}
			if i == 1 {
				equal = off
				s.row(p, devices, losses, seconds, differenceText(off), "")
				continue
			}
			s.judge(asEqualRuns(off, equal), fmt.Sprintf("%s: two GPUs are %.1e off, a second run of one %.1e", p, off, equal),
				p, devices, losses, seconds, differenceText(off))
		}
	}
	return nil
}

// epochLosses returns the training losses of a run.
func epochLosses(folder string) (string, error) {
	text, err := os.ReadFile(filepath.Join(folder, runfiles.Log))
	if err != nil {
		return "", err
	}
	var losses []string
	for line := range bytes.Lines(text) {
		var epoch struct {
			Loss float64 `json:"train_loss"`
		}
		if err := json.Unmarshal(line, &epoch); err != nil {
			return "", err
		}
		losses = append(losses, fmt.Sprintf("%.6f", epoch.Loss))
	}
	return strings.Join(losses, ", "), nil
}
