package training_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/onnx/weights"
	"fovea/training"
	"fovea/training/config"
)

// begin returns the parameters that the training of a config begins with.
func begin(t *testing.T, c *config.Config) *weights.File {
	t.Helper()
	out := t.TempDir()
	if err := training.WriteArtifacts(t.Context(), c, out); err != nil {
		t.Fatal(err)
	}
	f, err := weights.Open(filepath.Join(out, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// What one run has learned, another begins with, whether it comes from a checkpoint or from model.onnx, except the
// head.
func TestWeights(t *testing.T) {
	c := small(t, fundus(t))
	c.Schedule.Epochs = 1
	r := run(t, c, training.Options{})
	best, err := weights.Open(filepath.Join(r.Folder, "checkpoints/best/model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer best.Close()
	untrained := begin(t, c)
	for _, file := range []string{"checkpoints/best/model.safetensors", "model.onnx"} {
		next := small(t, c.Data.Dir)
		next.Model.Weights = filepath.Join(r.Folder, file)
		for _, x := range begin(t, next).Tensors {
			want, _ := best.Lookup(x.Name)
			random, _ := untrained.Lookup(x.Name)
			switch equal := bytes.Equal(x.Data, want.Data); {
			case x.Name == "head.bias" && !bytes.Equal(x.Data, make([]byte, len(x.Data))):
				t.Errorf("%s: the head's bias is not 0", file)
			case strings.HasPrefix(x.Name, "head.") && (equal || x.Name == "head.weight" &&
				bytes.Equal(x.Data, random.Data)):
				t.Errorf("%s: %s is not drawn anew", file, x.Name)
			case !strings.HasPrefix(x.Name, "head.") && !equal:
				t.Errorf("%s: %s is not the file's", file, x.Name)
			}
		}
		next.Model.KeepHead = true
		for _, x := range begin(t, next).Tensors {
			if want, _ := best.Lookup(x.Name); !bytes.Equal(x.Data, want.Data) {
				t.Errorf("%s: with its head, %s is not the file's", file, x.Name)
			}
		}
		next.Data.Size = 42 // 6 x 6 tokens instead of 4 x 4
		x, _ := begin(t, next).Lookup("pos_embed")
		if want, _ := best.Lookup("pos_embed"); x.Shape[1] != 37 || !bytes.Equal(x.Data[:4*32], want.Data[:4*32]) {
			t.Errorf("%s: pos_embed is of shape %v", file, x.Shape)
		}
	}
}

// A weight file that is not there, or not of the model, ends a run before the images are looked at.
func TestWeightsAreCheckedFirst(t *testing.T) {
	c := small(t, fundus(t))
	other := small(t, c.Data.Dir)
	other.Model.Depth = 1
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := weights.Write(path, begin(t, other).Tensors, nil); err != nil {
		t.Fatal(err)
	}
	broken, err := filepath.Glob(filepath.Join(c.Data.Dir, "train/0_no_dr/*.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken[0], []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HF_HUB_CACHE", t.TempDir())
	for name, want := range map[string]string{
		"RETFound_mae_meh":           "huggingface.co/YukunZhou/RETFound_mae_meh",
		filepath.Join("x", "no.pth"): "model.weights",
		path:                         "fills 16 of the 28 parameters of the model's backbone",
	} {
		c.Model.Weights = name
		_, err := training.Run(t.Context(), c, training.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", name, err, want)
		}
	}
	if _, err := os.Stat(filepath.Join(c.Output.Dir, c.Name)); err == nil {
		t.Error("there is a run folder")
	}
	c.Model.Weights, c.Model.WeightsAllow = path, []string{"blocks.1.*"}
	if _, err := training.Run(t.Context(), c, training.Options{}); err == nil ||
		!strings.Contains(err.Error(), filepath.Base(broken[0])) {
		t.Errorf("with parameters allowed to be missing: error %v, want one of the image", err)
	}
}

// A run that has a checkpoint does not need the file any more.
func TestResumeWithoutWeights(t *testing.T) {
	c := small(t, fundus(t))
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := weights.Write(path, begin(t, c).Tensors, nil); err != nil {
		t.Fatal(err)
	}
	c.Model.Weights = path
	stop(t, c)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	run(t, c, training.Options{Resume: true})
}

// TestRandomFrozenLayers: to train on what random layers make of the images is allowed, but said.
func TestRandomFrozenLayers(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	dir := fundus(t)
	pretrained := filepath.Join(t.TempDir(), "m.safetensors")
	if err := weights.Write(pretrained, begin(t, small(t, dir)).Tensors, nil); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		set  func(m *config.Model)
		warn bool
	}{
		{func(m *config.Model) { m.Adaptation = "linear_probe" }, true},
		{func(m *config.Model) { m.Freeze = 1 }, true},
		{func(m *config.Model) {}, false},
		{func(m *config.Model) { m.Freeze, m.Weights = 1, pretrained }, false},
	} {
		c := small(t, dir)
		test.set(&c.Model)
		c.Training.MaxSteps = 1
		log := logged(func() { run(t, c, training.Options{}) })
		if strings.Contains(log, "stay random") != test.warn {
			t.Errorf("%+v: warned is %v:\n%s", c.Model, !test.warn, log)
		}
	}
}
