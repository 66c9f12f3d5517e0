package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"

	"fovea/training"
	"fovea/training/memory"
)

var namedBatch = regexp.MustCompile(`set training\.batch = (\d+)`)

// outOfMemory asks for too large a batch, then for the one that the error names.
func outOfMemory(ctx context.Context, s *section) error {
	if !s.cuda() {
		return skip("a GPU says when its memory is used up; Linux ends the program")
	}
	m := s.Sizes.Memory
	// All images to train on, few to validate and test.
	dir, err := s.dataset("many", "retinamnist", 1, map[string]int{"train": m.Batch, "val": 2, "test": 2})
	if err != nil {
		return err
	}
	c := s.config(m, "fp32")
	c.Name, c.Data.Dir, c.Output.Dir = "memory", dir, filepath.Join(s.folder, "runs")
	c.Augment.Policy, c.Schedule.Epochs, c.Schedule.Warmup, c.Training.MaxSteps = "", 1, 0, 2
	s.table(m.String(), "training.batch", "outcome")
	_, err = training.Run(ctx, c, training.Options{})
	if err == nil {
		return skip(fmt.Sprintf("a batch of %d fits into this GPU", m.Batch))
	}
	s.row(strconv.Itoa(m.Batch), err.Error())
	s.require(memory.OutOfMemory(err), "the error does not speak of memory")
	found := namedBatch.FindStringSubmatch(err.Error())
	if found == nil {
		return errors.New("the error names no batch that fits")
	}
	if c.Training.Batch, err = strconv.Atoi(found[1]); err != nil {
		return err
	}
	c.Name = "fits"
	r, err := training.Run(ctx, c, training.Options{})
	if err != nil {
		return fmt.Errorf("at the batch that is said to fit, %d: %w", c.Training.Batch, err)
	}
	s.row(found[1], fmt.Sprintf("the run ends after %d steps, in %.0f s", c.Training.MaxSteps, r.Duration.Seconds()))
	return nil
}
