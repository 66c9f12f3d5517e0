//go:build linux

package main

import (
	"cmp"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// An input is a file or a few for one reader.
type input struct {
	reader, name string
	path         string   // of the file that is read, below the folder
	args         []string // of trainer; {} stands for the folder
	stdin        string   // a file in the folder, "" for none
	big          bool     // more than the test takes
	write        func(dir string) error
}

func (in *input) arguments(dir string) []string {
	out := make([]string, len(in.args))
	for i, a := range in.args {
		out[i] = strings.ReplaceAll(a, "{}", dir)
	}
	return out
}

// A generator gathers inputs. Files of the repository that it starts from lie below root.
type generator struct {
	root   string
	run    string // a run folder that can be resumed, "" for none
	rng    *rand.Rand
	inputs []input
	errs   []error
}

// generate returns all inputs, always the same ones. run is a run folder that can be resumed.
func generate(root, run string) ([]input, error) {
	g := &generator{root: root, run: run, rng: rand.New(rand.NewPCG(20, 6))}
	g.configs()
	g.tables()
	g.workbooks()
	g.images()
	g.models()
	g.weights()
	g.checkpoints()
	g.archives()
	g.pipes()
	slices.SortStableFunc(g.inputs, func(a, b input) int {
		return cmp.Or(cmp.Compare(a.reader, b.reader), cmp.Compare(a.name, b.name))
	})
	return g.inputs, errors.Join(g.errs...)
}

// read returns a file of the repository.
func (g *generator) read(name string) []byte {
	b, err := os.ReadFile(filepath.Join(g.root, filepath.FromSlash(name)))
	g.errs = append(g.errs, err)
	return b
}

// glob returns the paths of files of the repository, below its root.
func (g *generator) glob(pattern string) []string {
	names, err := fs.Glob(os.DirFS(g.root), pattern)
	if len(names) == 0 && err == nil {
		err = errors.New("no file " + pattern)
	}
	g.errs = append(g.errs, err)
	return names
}

func (g *generator) add(in input) { g.inputs = append(g.inputs, in) }

// most is the size of the largest file that the test takes, in bytes.
const most = 256 << 10

// file adds an input of one file.
func (g *generator) file(reader, name, file string, content []byte, args ...string) {
	g.add(input{reader: reader, name: name, path: file, args: args, big: len(content) > most,
		write: func(dir string) error { return os.WriteFile(filepath.Join(dir, file), content, 0o666) }})
}

// lazy adds an input of one file whose content takes time or memory to make.
func (g *generator) lazy(reader, name, file string, content func() []byte, args ...string) {
	g.add(input{reader: reader, name: name, path: file, args: args, big: true,
		write: func(dir string) error { return os.WriteFile(filepath.Join(dir, file), content(), 0o666) }})
}

// sparse adds an input of one file that begins with content and goes on with zeros.
func (g *generator) sparse(reader, name, file string, content []byte, size int64, args ...string) {
	g.add(input{reader: reader, name: name, path: file, args: args, big: true, write: func(dir string) error {
		path := filepath.Join(dir, file)
		return errors.Join(os.WriteFile(path, content, 0o666), os.Truncate(path, size))
	}})
}

// repeated adds an input of one file: head, n times part, tail.
func (g *generator) repeated(reader, name, file, head, part string, n int, tail string, args ...string) {
	g.add(input{reader: reader, name: name, path: file, args: args, big: len(part)*n > most, write: func(dir string) error {
		f, err := os.Create(filepath.Join(dir, file))
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := f.WriteString(head); err != nil {
			return err
		}
		chunk := strings.Repeat(part, 1+(1<<20)/max(1, len(part)))
		for left := len(part) * n; left > 0; left -= len(chunk) {
			if _, err := f.WriteString(chunk[:min(left, len(chunk))]); err != nil {
				return err
			}
		}
		_, err = f.WriteString(tail)
		return err
	}})
}

// The commands that read a file {}/NAME.
const (
	model = "inference/testdata/scores/torch_logits.onnx"
	image = "inference/testdata/scores/x.png"
)

func classify(args ...string) []string {
	return append([]string{"predict", "-crop", "1", "-mean", "0,0,0", "-std", "1,1,1"}, args...)
}

// pipes adds a pipe in the place of every file that is read.
func (g *generator) pipes() {
	pipe := func(name, file string, args ...string) {
		g.add(input{reader: "pipe", name: name, path: file, args: args, write: func(dir string) error {
			path := filepath.Join(dir, file)
			return errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), mkfifo(path))
		}})
	}
	config := []string{"-config", "configs/retinamnist.toml", "-set", "output.dir={}/runs"}
	pipe("config", "c.toml", "-config", "{}/c.toml")
	pipe("class-list", "classes.txt", classify("-model", model, "-classes", "{}/classes.txt", image)...)
	pipe("image", "x.png", classify("-model", model, "-classes", "a,b,c,d", "{}/x.png")...)
	pipe("image-in-folder", "d/x.png", classify("-model", model, "-classes", "a,b,c,d", "{}/d")...)
	pipe("image-of-run", "d/train/a/x.png", append(config, "-set", "data.dir={}/d")...)
	pipe("labels", "l.csv", "eval", "-model", model, "-data", "data/testdata", "-labels", "{}/l.csv",
		"-classes", "a,b,c,d", "-crop", "1", "-mean", "0,0,0", "-std", "1,1,1", "-out", "{}/out")
	pipe("predictions", "p.csv", "eval", "-predictions", "{}/p.csv")
	pipe("predictions-labels", "l.csv", "eval", "-predictions", "evaluation/testdata/tables/pred_float.csv", "-labels",
		"{}/l.csv", "-out", "{}/out")
	pipe("compare", "p.csv", "compare", "{}/p.csv", "evaluation/testdata/tables/pred_float.csv")
	pipe("compare-run", "r/predictions_test.csv", "compare", "{}/r", "evaluation/testdata/tables/pred_float.csv")
	for _, command := range []string{"inspect", "differentiate", "gradcheck", "export", "explain"} {
		args := []string{command, "-model", "{}/m.onnx", "-out", "{}/out"}
		switch command {
		case "inspect":
			args = []string{command, "{}/m.onnx"}
		case "gradcheck":
			args = args[:3]
		case "explain":
			args = append(args, image)
		}
		pipe(command, "m.onnx", args...)
	}
	pipe("predict", "m.onnx", classify("-model", "{}/m.onnx", image)...)
	pipe("serve", "m.onnx", "serve", "-model", "{}/m.onnx", "-listen", "127.0.0.1:0")
	pipe("train-onnx", "m.onnx", append(config, "-set", "model.onnx={}/m.onnx")...)
	pipe("train-weights", "w.pth", append(config, "-set", "model.weights={}/w.pth")...)
	pipe("artifacts-weights", "w.pth", "artifacts", "-config", "configs/retinamnist.toml", "-set",
		"model.weights={}/w.pth", "-out", "{}/out")
	for _, ext := range []string{"pth", "safetensors", "pdparams", "npz", "index.json", "onnx"} {
		pipe("inspect-"+ext, "w."+ext, "inspect", "{}/w."+ext)
	}
	pipe("prepare", "x.zip", "prepare", "octid", "{}/x.zip", "{}/out")
	pipe("prepare-part", "x.zip.001", "prepare", "octid", "{}/x.zip.001", "{}/out")
	pipe("prepare-folder", "d/AMRD1.jpeg", "prepare", "octid", "{}/d", "{}/out")
	pipe("library", "libonnxruntime.so", "doctor", "-set", "runtime.library={}/libonnxruntime.so")
	pipe("library-folder", "lib/libonnxruntime.so", "doctor", "-set", "runtime.library={}/lib")
	pipe("library-predict", "libonnxruntime.so", classify("-model", model, "-classes", "a,b,c,d", "-set",
		"runtime.library={}/libonnxruntime.so", image)...)
	pipe("library-install", "x.whl", "runtime", "install", "-from", "{}/x.whl")
	for _, name := range []string{"m.json", "m.toml"} { // beside a model
		content := g.read(model)
		g.add(input{reader: "pipe", name: "sidecar-" + name, path: name, args: classify("-model", "{}/m.onnx", image),
			write: func(dir string) error {
				return errors.Join(os.WriteFile(filepath.Join(dir, "m.onnx"), content, 0o666),
					mkfifo(filepath.Join(dir, name)))
			}})
	}
	if g.run == "" {
		return
	}
	for _, name := range []string{"config.toml", "checkpoints/last/state.json", "checkpoints/last/model.safetensors",
		"checkpoints/last/optimizer.safetensors", "checkpoints/best/state.json", "checkpoints/best/model.safetensors",
		"predictions_test.partial.jsonl", "log.txt", "metrics_val.csv"} {
		g.resume("pipe", "resume-"+filepath.Base(name), name, func(path string) error {
			os.Remove(path)
			return mkfifo(path)
		})
	}
}
