//go:build linux

package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"fovea/data"
	"fovea/data/labels"
	"fovea/data/prepare"
	"fovea/evaluation"
	"fovea/inference"
	"fovea/internal/naming"
	"fovea/internal/table"
	"fovea/internal/textfile"
	"fovea/models/inspect"
	"fovea/onnx/weights"
	"fovea/training/checkpoint"
	"fovea/training/config"
)

// readers read an input in this process. dir is its folder.
var readers = map[string]func(t *testing.T, path, dir string) error{
	"config": func(t *testing.T, path, _ string) error {
		_, err := config.Read(path, nil, nil)
		return err
	},
	"sidecar": func(t *testing.T, _, dir string) error {
		_, err := inference.Describe(filepath.Join(dir, "m.onnx"), inference.Description{})
		return err
	},
	"labels": func(t *testing.T, path, dir string) error {
		_, err := labels.Open(path, dir, labels.Options{})
		return err
	},
	"predictions": predictions, "workbook": predictions,
	"compare": opened(func(f *os.File) error {
		_, err := evaluation.ReadMetricRow(f)
		return err
	}),
	"names": opened(func(f *os.File) error {
		_, err := table.Names(f)
		return err
	}),
	"paths": opened(func(f *os.File) error {
		_, err := textfile.Lines(f, 1<<20)
		return err
	}),
	"inspect": func(t *testing.T, path, _ string) error {
		_, err := inspect.Open(path)
		return err
	},
	"predict": func(t *testing.T, path, _ string) error {
		_, err := inference.Describe(path, inference.Description{Classes: []string{"a", "b", "c"}})
		return err
	},
	"weights": openWeights, "pickle": openWeights, "safetensors": openWeights, "index": openWeights,
	"checkpoint": func(t *testing.T, path, _ string) error {
		c, err := checkpoint.Read(filepath.Dir(path))
		if err == nil {
			err = c.Close()
		}
		return err
	},
	"archive": func(t *testing.T, path, dir string) error {
		p, err := prepare.New(t.Context(), prepare.Options{Set: prepare.Find("octid"), Source: path, Dest: filepath.Join(dir, "out"),
			AnyCount: true})
		if err == nil {
			p.Close()
		}
		return err
	},
}

func opened(read func(*os.File) error) func(*testing.T, string, string) error {
	return func(t *testing.T, path, _ string) error {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		return read(f)
	}
}

func predictions(t *testing.T, path, dir string) error {
	return opened(func(f *os.File) error {
		_, err := evaluation.ReadTable(f, evaluation.TableOptions{})
		return err
	})(t, path, dir)
}

func openWeights(_ *testing.T, path, _ string) error {
	f, err := weights.Open(path)
	if err == nil {
		err = f.Close()
	}
	return err
}

func decode(_ *testing.T, path, _ string) error {
	_, err := data.Decode(path)
	return err
}

// No reader panics, allocates more than 256 MiB or says much over a damaged file of at most 256 KiB. The program of this package
// tries the large ones, in processes.
func TestReaders(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	inputs, err := generate(filepath.Join("..", ".."), "")
	if err != nil {
		t.Fatal(err)
	}
	data.LimitPixels(1 << 20)
	t.Cleanup(func() { data.LimitPixels(0) })
	const allocated = 256 << 20 // bytes
	names, counts := map[string]bool{}, map[string]int{}
	for i, in := range inputs {
		if name := in.reader + "/" + in.name; names[name] {
			t.Errorf("two inputs are called %s", name)
		} else {
			names[name] = true
		}
		read := readers[in.reader]
		if strings.HasPrefix(in.reader, "image.") {
			read = decode
		}
		if read == nil || in.big || i%3 > 0 && strings.Contains(in.name, "damage") {
			continue
		}
		dir := t.TempDir()
		if err := in.write(dir); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := read(t, filepath.Join(dir, in.path), dir)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > allocated {
			t.Errorf("%s/%s: allocates %d MiB", in.reader, in.name, n>>20)
		}
		if err != nil {
			if text := naming.Shorten(err.Error()); longest(text) > 1300 {
				t.Errorf("%s/%s: an error of %d bytes", in.reader, in.name, len(text))
			}
		}
		counts[in.reader]++
		os.RemoveAll(dir)
	}
	t.Log(len(inputs), "inputs;", counts)
	if len(inputs) < 500 {
		t.Errorf("%d inputs", len(inputs))
	}
}
