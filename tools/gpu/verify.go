package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// verify runs the sections one after another and writes the report behind each.
func verify(ctx context.Context, s *settings) error {
	if err := os.MkdirAll(filepath.Join(s.Out, "sections"), 0o755); err != nil {
		return err
	}
	if built := s.findTrainer(ctx); built != "" {
		defer os.Remove(built)
	}
	file := filepath.Join(s.Out, "settings.json")
	if err := writeJSON(file, s); err != nil {
		return err
	}
	var failed []string
	var results []*result
	for i, x := range sections {
		if len(s.Only) > 0 && !slices.Contains(s.Only, i+1) {
			continue
		}
		fmt.Fprintf(os.Stderr, "\n%s  %d %s\n", time.Now().Format(time.TimeOnly), i+1, x.title)
		r, err := s.inProcess(ctx, file, i+1)
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%s  %d %s: %s after %.1f s %s\n", time.Now().Format(time.TimeOnly), r.Number, r.Title, r.Verdict, r.Seconds, r.Reason)
		if r.Verdict == fail {
			failed = append(failed, fmt.Sprintf("%d %s", r.Number, r.Title))
		}
		if results, err = s.results(); err != nil {
			return err
		}
		if err := s.report(results); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	fmt.Println(summary(results))
	fmt.Println("report:", filepath.Join(s.Out, "verify.md"))
	if failed != nil {
		return fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	}
	return nil
}

// findTrainer builds the trainer, or finds one beside this program. It returns the
// file that it built, if it did.
func (s *settings) findTrainer(ctx context.Context) (built string) {
	if s.Trainer != "" {
		return ""
	}
	if goTool, err := exec.LookPath("go"); err == nil {
		built = filepath.Join(s.Out, "trainer")
		if err := exec.CommandContext(ctx, goTool, "build", "-o", built, "fovea/cmd/trainer").Run(); err == nil {
			s.Trainer = built
			return built
		}
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "trainer")
		if _, err := os.Stat(beside); err == nil {
			s.Trainer = beside
		}
	}
	return ""
}

// results reads those of this call and of earlier ones.
func (s *settings) results() ([]*result, error) {
	files, err := filepath.Glob(filepath.Join(s.Out, "sections", "*.json"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var out []*result
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		r := new(result)
		if err := json.Unmarshal(text, r); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		out = append(out, r)
	}
	return out, nil
}
