package training_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/internal/progress"
	"fovea/training"
)

func page(t *testing.T, folder string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReport(t *testing.T) {
	if testing.Short() {
		t.Skip("draws every figure")
	}
	dir := fundus(t)
	// A training image is in test too, under another class.
	classes, err := os.ReadDir(filepath.Join(dir, "train"))
	if err != nil {
		t.Fatal(err)
	}
	from := filepath.Join(dir, "train", classes[0].Name())
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	copyFile(t, filepath.Join(from, files[0].Name()), filepath.Join(dir, "test", classes[1].Name(), "again.png"))

	c := small(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	folder := filepath.Join(c.Output.Dir, c.Name)
	_, err = training.Run(ctx, c, training.Options{Progress: func(u progress.Update) {
		if strings.HasPrefix(u.Task, "epoch 2") {
			if text := page(t, folder); !strings.Contains(text, `id="follow"`) {
				t.Error("the page of a run under way does not offer to load itself again")
			}
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if text := page(t, folder); strings.Contains(text, `id="follow"`) ||
		!strings.Contains(text, "stopped after 1 of 3 epochs") {
		t.Error("the page of a stopped run does not say so")
	}

	r, err := training.Run(t.Context(), c, training.Options{Resume: true, Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	text := page(t, r.Folder)
	for _, want := range []string{"26 test images", "1 image is in more than one split", "test/" + classes[1].Name() +
		"/again.png",
		"1.2.3", "trainer eval -model", "batch = 5", "bootstrap"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, name := range []string{"confusion", "confusion_counts", "roc", "precision_recall", "reliability", "loss",
		"metrics",
		"learning_rate", "classes", "errors"} {
		for _, ending := range []string{".png", ".svg"} {
			if _, err := os.Stat(filepath.Join(r.Folder, "figures", name+ending)); err != nil {
				t.Error(err)
			}
		}
	}
}
