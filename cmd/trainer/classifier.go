package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"

	"fovea/inference"
	"fovea/onnx/engine"
	"fovea/training/config"
)

// classifierFlags are those of the commands that use a model on images.
type classifierFlags struct {
	path                     string
	given                    inference.Description
	classes, crop, mean, std string
	batch                    int
	set                      texts
}

func (m *classifierFlags) add(fs *flag.FlagSet, batch int) {
	fs.StringVar(&m.path, "model", "", "ONNX file")
	fs.StringVar(&m.classes, "classes", "", "names, or a file of them")
	fs.IntVar(&m.given.Size, "size", 0, "pixels a side")
	fs.StringVar(&m.crop, "crop", "", "part of the shorter side that stays")
	fs.StringVar(&m.mean, "mean", "", "R,G,B")
	fs.StringVar(&m.std, "std", "", "R,G,B")
	fs.StringVar(&m.given.Input, "input", "", "name of the input")
	fs.StringVar(&m.given.Output, "output", "", "name of the output")
	fs.StringVar(&m.given.Scores, "scores", "", "logits or probabilities")
	fs.IntVar(&m.batch, "batch", batch, "images a forward pass")
	fs.Var(&m.set, "set", "override a key of the runtime section")
}

// read is what the flags say of the model and of the runtime.
func (m *classifierFlags) read(a *app, command string) (inference.Description, config.Runtime, error) {
	d := m.given
	fail := func(err error) (inference.Description, config.Runtime, error) {
		return d, config.Runtime{}, &usageError{command, err}
	}
	if m.batch < 1 {
		return fail(fmt.Errorf("-batch %d: must be at least 1", m.batch))
	}
	if d.Size < 0 {
		return fail(fmt.Errorf("-size %d: must be at least 1", d.Size))
	}
	if m.crop != "" {
		crop, err := strconv.ParseFloat(m.crop, 64)
		if err != nil || !(crop > 0 && crop <= 1) {
			return fail(fmt.Errorf("-crop %s: must be a number above 0 and at most 1", m.crop))
		}
		d.Crop = crop
	}
	for _, x := range []struct {
		name, text string
		to         *[]float32
	}{{"mean", m.mean, &d.Mean}, {"std", m.std, &d.Std}} {
		if x.text == "" {
			continue
		}
		for part := range strings.SplitSeq(x.text, ",") {
			v, err := strconv.ParseFloat(strings.TrimSpace(part), 32)
			if err != nil {
				return fail(fmt.Errorf("-%s %s: must be three numbers, as in 0.485,0.456,0.406", x.name, x.text))
			}
			*x.to = append(*x.to, float32(v))
		}
	}
	var err error
	if d.Classes, err = readClasses(m.classes); err != nil {
		return fail(err)
	}
	runtime, err := config.ReadRuntime(m.set, a.environ)
	return d, runtime, err
}

// readClasses reads names that commas separate, or a file with one a line.
func readClasses(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	f, err := os.Open(text)
	if err != nil {
		if strings.Contains(text, ",") {
			names := strings.Split(text, ",")
			for i := range names {
				names[i] = strings.TrimSpace(names[i])
			}
			return names, nil
		}
		return nil, fmt.Errorf("-classes %s: neither names with commas between them nor a file: %w", text, err)
	}
	defer f.Close()
	var names []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if name := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff")); name != "" { // Windows' editors begin with that mark
			names = append(names, name)
		}
	}
	if names == nil {
		return nil, errors.Join(lines.Err(), fmt.Errorf("-classes %s: the file names no class", text))
	}
	return names, lines.Err()
}

// describe is read, completed by what the model and a file beside it say.
func (m *classifierFlags) describe(a *app, command string) (*inference.Description, config.Runtime, error) {
	given, r, err := m.read(a, command)
	if err != nil {
		return nil, r, err
	}
	d, err := inference.Describe(m.path, given)
	return d, r, err
}

// imagePaths lists the images that operands name.
func imagePaths(command string, operands []string) ([]string, error) {
	if len(operands) == 0 {
		return nil, &usageError{command, errors.New("missing the images: files, folders, patterns, or - for paths on standard input")}
	}
	paths, err := inference.Paths(operands, os.Stdin)
	if err == nil && len(paths) == 0 {
		err = errors.New("standard input names no images")
	}
	return paths, err
}

// open makes the model ready for batches of a size.
func (m *classifierFlags) open(ctx context.Context, a *app, d *inference.Description, r config.Runtime, batch int) (*inference.Classifier, error) {
	options, err := engine.SessionOptions(ctx, r.Engine(), a.console.update)
	if err != nil {
		return nil, err
	}
	return inference.Open(m.path, d, batch, options)
}
