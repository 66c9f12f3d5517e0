package training_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"fovea/internal/progress"
	"fovea/training"
	"fovea/training/collective"
	"fovea/training/config"
)

// each calls do for every rank of a group, each of which is a goroutine here, and returns its errors.
func each(size int, do func(rank int, g *collective.Group) error) []error {
	errs := make([]error, size)
	var wg sync.WaitGroup
	for rank, g := range collective.Local(size) {
		wg.Go(func() { errs[rank] = do(rank, g) })
	}
	wg.Wait()
	return errs
}

// together takes a run with several processes and returns the error of each.
func together(ctx context.Context, c *config.Config, size int, o training.Options) []error {
	return each(size, func(rank int, g *collective.Group) error {
		mine := o
		mine.Group, mine.NoFigures = g, true
		if rank > 0 {
			mine.Progress = nil
		}
		r, err := training.Run(ctx, c, mine)
		if (r != nil) != (rank == 0 && err == nil) {
			err = errors.Join(err, errors.New("a result in the wrong process"))
		}
		return err
	})
}

// processesConfig shares 4 batches a step, with all that is drawn at random, clipping and an average.
func processesConfig(t testing.TB, dir string) *config.Config {
	c := small(t, dir)
	c.Training.Batch, c.Training.Accumulate, c.Training.EMA = 2, 4, 0.9
	c.Model.DropPath, c.Augment.Mixup, c.Runtime.Threads = 0.2, 0.8, 1
	c.Schedule.Epochs, c.Data.Workers = 2, 1
	return c
}

// TestProcesses: any number of processes ends with the files of one, also where they share no run folder. Only the
// first writes.
func TestProcesses(t *testing.T) {
	dir := fundus(t)
	c := processesConfig(t, dir)
	want := outcome(t, run(t, c, training.Options{}).Folder)
	for _, size := range []int{3, 5} {
		c.Output.Dir = t.TempDir()
		if err := errors.Join(together(t.Context(), c, size, training.Options{})...); err != nil {
			t.Fatal(err)
		}
		same(t, outcome(t, c.Output.Dir+"/"+c.Name), want)
	}
	c.Output.Dir = t.TempDir()
	other := *c
	other.Output.Dir = t.TempDir()
	if err := errors.Join(each(2, func(rank int, g *collective.Group) error {
		_, err := training.Run(t.Context(), []*config.Config{c, &other}[rank], training.Options{Group: g, NoFigures: true})
		return err
	})...); err != nil {
		t.Fatal(err)
	}
	same(t, outcome(t, c.Output.Dir+"/"+c.Name), want)
	if left, err := os.ReadDir(other.Output.Dir); err != nil || len(left) > 0 {
		t.Errorf("the second process wrote %v (%v)", left, err)
	}
}

// TestProcessesRefuse: what is wrong before the first step is an error of all, in the words of the process that has it.
func TestProcessesRefuse(t *testing.T) {
	dir, other := fundus(t), fundus(t)
	images, err := filepath.Glob(filepath.Join(other, "val", "*", "*"))
	if err := errors.Join(err, os.Remove(images[0])); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ second, want string }{{dir + "/nowhere", "no folder "},
		{other, "is not what the first process has"}} {
		for rank, err := range each(2, func(rank int, g *collective.Group) error {
			c := processesConfig(t, dir)
			if rank == 1 {
				c.Data.Dir = test.second
			}
			_, err := training.Run(t.Context(), c, training.Options{Group: g})
			return err
		}) {
			if !collective.IsAgreed(err) || !strings.Contains(err.Error(), test.want) ||
				strings.Contains(err.Error(), "rank 1 of 2") != (rank == 0) {
				t.Errorf("rank %d: %v, want: %s", rank, err, test.want)
			}
		}
	}
}

// TestProcessesShare: what the processes share has the bits of one process, whatever is trained and however few images
// there are.
func TestProcessesShare(t *testing.T) {
	few := fundus(t) // 1 image a class in val and test: fewer batches than processes
	for _, split := range []string{"val", "test"} {
		images, err := filepath.Glob(filepath.Join(few, split, "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		kept := map[string]bool{}
		for _, path := range images {
			if class := filepath.Dir(path); kept[class] {
				os.Remove(path)
			} else {
				kept[class] = true
			}
		}
	}
	all := fundus(t)
	for name, change := range map[string]func(c *config.Config){
		"few images": func(c *config.Config) { c.Data.Dir, c.Data.Sampling = few, "balanced" },
		"a linear probe": func(c *config.Config) {
			c.Model.Adaptation, c.Augment.Mixup, c.Model.DropPath, c.Training.EMA = "linear_probe", 0, 0, 0
		},
		"adapters": func(c *config.Config) { c.Model.Adaptation = "lora" },
		"a cache": func(c *config.Config) {
			c.Data.Cache, c.Evaluation.Loss, c.Loss.ClassWeights = t.TempDir(), "batches", "balanced"
			c.Evaluation.OperatingPoints, c.Evaluation.Cut = []string{"sensitivity 0.8"}, "1_mild_npdr"
		},
		"a batch that is chosen": func(c *config.Config) { c.Training.Batch = config.Auto },
	} {
		t.Run(name, func(t *testing.T) {
			c := processesConfig(t, all)
			c.Schedule.Epochs = 1
			change(c)
			if err := errors.Join(together(t.Context(), c, 4, training.Options{})...); err != nil {
				t.Fatal(err)
			}
			got := outcome(t, c.Output.Dir+"/"+c.Name)
			c, err := config.Read(c.Output.Dir+"/"+c.Name+"/config.toml", nil, nil) // with the batch
			if err != nil {
				t.Fatal(err)
			}
			if c.Output.Dir = t.TempDir(); c.Data.Cache != "" {
				c.Data.Cache = t.TempDir()
			}
			same(t, got, outcome(t, run(t, c, training.Options{}).Folder))
		})
	}
}

// TestProcessesStop: a signal to one process stops all within a batch, wherever they are, and a run that is resumed by
// another number of them ends as if nothing had been.
func TestProcessesStop(t *testing.T) {
	c := processesConfig(t, fundus(t))
	want := outcome(t, run(t, c, training.Options{}).Folder)
	for i, task := range []string{"check images", "epoch 2/2", "validate 2/2", "evaluate test"} {
		if testing.Short() && i > 0 {
			break
		}
		c.Output.Dir = t.TempDir()
		for rank, err := range stopLast(t, c, 2+i%2, task) {
			if !errors.Is(err, context.Canceled) || !collective.IsAgreed(err) {
				t.Errorf("%s: rank %d ended with %v", task, rank, err)
			}
		}
		if err := errors.Join(together(t.Context(), c, 4-i, training.Options{Resume: true})...); err != nil {
			t.Fatal(err)
		}
		same(t, outcome(t, c.Output.Dir+"/"+c.Name), want)
	}
}

// stopLast takes a run whose last process alone is asked to stop, in the middle of a task.
func stopLast(t *testing.T, c *config.Config, size int, task string) []error {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	return each(size, func(rank int, g *collective.Group) error {
		o, mine := training.Options{Group: g, NoFigures: true}, t.Context()
		if rank == size-1 {
			mine, o.Progress = ctx, func(u progress.Update) {
				if u.Task == task && u.Done > 0 {
					cancel()
				}
			}
		}
		_, err := training.Run(mine, c, o)
		return err
	})
}

// TestProcessesFail: if one process alone meets an error, all end with it.
func TestProcessesFail(t *testing.T) {
	for _, task := range []string{"epoch 1/2", "validate 1/2"} {
		dir := fundus(t)
		c := processesConfig(t, dir)
		var once sync.Once
		for rank, err := range together(t.Context(), c, 3, training.Options{Progress: func(u progress.Update) {
			if u.Task == task {
				once.Do(func() {
					images, _ := filepath.Glob(filepath.Join(dir, "*", "*", "*"))
					for _, path := range images {
						if err := os.WriteFile(path, []byte("replaced"), 0o644); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}}) {
			if err == nil || !strings.Contains(err.Error(), "the file was replaced") {
				t.Errorf("%s: rank %d ended with %v", task, rank, err)
			}
		}
	}
}
