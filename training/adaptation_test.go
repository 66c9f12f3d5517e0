package training_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/evaluation"
	"fovea/onnx/weights"
	"fovea/training"
	"fovea/training/config"
)

// adapted is a config that trains a part of a small model.
func adapted(t *testing.T, dir, adaptation string) *config.Config {
	c := small(t, dir)
	c.Model.Adaptation, c.Training.EMA = adaptation, 0.9
	c.Optimizer.LR = 1e-2
	if adaptation == "attentive_probe" {
		c.Model.Pool = "attention"
	}
	return c
}

// TestAdaptations trains a part of the model in each way: checkpoints hold that part alone, a run that was interrupted
// ends as one that was not, and what is not trained is in model.onnx as it was, with adapters in their matrices.
func TestAdaptations(t *testing.T) {
	dir := fundus(t)
	for adaptation, trained := range map[string]func(name string) bool{
		"lora":   func(name string) bool { return strings.Contains(name, ".lora_") },
		"lp":     func(string) bool { return false },
		"bitfit": func(name string) bool { return strings.HasSuffix(name, ".bias") },
		"last_blocks": func(name string) bool {
			return strings.HasPrefix(name, "blocks.1.") || strings.HasPrefix(name, "fc_norm.")
		},
		"attentive_probe": func(name string) bool { return strings.HasPrefix(name, "attn_pool.") },
	} {
		t.Run(adaptation, func(t *testing.T) {
			if testing.Short() && adaptation != "lora" {
				t.Skip("trains several models")
			}
			c := adapted(t, dir, adaptation)
			if adaptation != "lora" {
				c.Schedule.Epochs = 1
			}
			folder, initial := run(t, c, training.Options{}).Folder, t.TempDir()
			if err := training.WriteArtifacts(t.Context(), c, initial); err != nil {
				t.Fatal(err)
			}
			kept := weightsOf(t, filepath.Join(folder, "checkpoints/best/model.safetensors"))
			before := weightsOf(t, filepath.Join(initial, "model.safetensors"))
			after := weightsOf(t, filepath.Join(folder, "model.onnx"))
			for name, values := range before {
				isTrained := trained(name) || strings.HasPrefix(name, "head.")
				if _, ok := kept[name]; ok != isTrained {
					t.Errorf("%s is trained: %v, in the checkpoint: %v", name, isTrained, ok)
				}
				merged := adaptation == "lora" && strings.Contains(name, ".attn.qkv.") && strings.HasSuffix(name, ".weight")
				if changed := after[name] != values; changed != (isTrained || merged) {
					t.Errorf("%s is trained: %v, is another in model.onnx: %v", name, isTrained || merged, changed)
				}
			}
			if adaptation == "lora" {
				again := adapted(t, dir, adaptation)
				stop(t, again)
				same(t, outcome(t, run(t, again, training.Options{Resume: true}).Folder), outcome(t, folder))
			}
		})
	}
}

// weightsOf returns the contents of a weight file by name.
func weightsOf(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]string{}
	for _, x := range f.Tensors {
		out[x.Name] = string(x.Data)
	}
	return out
}

// TestResumeRefusesAnotherBase: adapters belong to the weights that they were trained beside.
func TestResumeRefusesAnotherBase(t *testing.T) {
	dir := fundus(t)
	base := small(t, dir)
	write := func(to string) {
		initial := t.TempDir()
		if err := training.WriteArtifacts(t.Context(), base, initial); err != nil {
			t.Fatal(err)
		}
		copyFile(t, filepath.Join(initial, "model.safetensors"), to)
	}
	c := adapted(t, dir, "lora")
	c.Model.Weights = filepath.Join(t.TempDir(), "base.safetensors")
	write(c.Model.Weights)
	stop(t, c)
	base.Seed = 1
	if err := os.Remove(c.Model.Weights); err != nil {
		t.Fatal(err)
	}
	write(c.Model.Weights)
	_, err := training.Run(t.Context(), c, training.Options{Resume: true})
	if err == nil || !strings.Contains(err.Error(), "not those that the run was started with") {
		t.Errorf("error is %v", err)
	}
}

// TestTeacher trains a student from a finished model. A student that learns from the teacher alone comes closer to its
// probabilities than one that learns from the labels. A run that was interrupted ends as one that was not, and needs the
// same teacher.
func TestTeacher(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	dir := fundus(t)
	of := run(t, small(t, dir), training.Options{}).Folder
	student := func(weight float64) *config.Config {
		c := small(t, dir)
		c.Model.Teacher, c.Model.Width, c.Loss.HardWeight = filepath.Join(of, "model.onnx"), 16, weight
		c.Seed = 1
		return c
	}
	whole := run(t, student(0), training.Options{}).Folder
	alone := run(t, student(1), training.Options{}).Folder
	if near, far := distance(t, whole, of), distance(t, alone, of); near >= far {
		t.Errorf("the student's probabilities differ by %v from its teacher's, those of labels alone by %v", near, far)
	}
	c := student(0)
	c.Model.Teacher = filepath.Join(t.TempDir(), "teacher.onnx")
	copyFile(t, filepath.Join(of, "model.onnx"), c.Model.Teacher)
	stop(t, c)
	moved := *c
	copyFile(t, filepath.Join(alone, "model.onnx"), moved.Model.Teacher)
	_, err := training.Run(t.Context(), &moved, training.Options{Resume: true})
	if err == nil || !strings.Contains(err.Error(), "model.teacher is not the file") {
		t.Errorf("error is %v", err)
	}
	copyFile(t, filepath.Join(of, "model.onnx"), c.Model.Teacher)
	same(t, outcome(t, run(t, c, training.Options{Resume: true}).Folder), outcome(t, whole))

	c = student(0)
	c.Name, c.Data.Size, c.Model.Patch = "other size", 32, 8
	_, err = training.Run(t.Context(), c, training.Options{})
	if err == nil || !strings.Contains(err.Error(), "takes images of 28×28 pixels") {
		t.Errorf("error is %v", err)
	}
}

// distance returns the mean absolute difference of the test predictions of two runs.
func distance(t *testing.T, a, b string) float64 {
	t.Helper()
	var rows [2][]float64
	for i, folder := range []string{a, b} {
		f, err := os.Open(filepath.Join(folder, "predictions_test.csv"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		p, err := evaluation.ReadTable(f, evaluation.TableOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range p.Rows {
			rows[i] = append(rows[i], row.Probabilities...)
		}
	}
	sum := 0.0
	for i, x := range rows[0] {
		sum += math.Abs(x - rows[1][i])
	}
	return sum / float64(len(rows[0]))
}
