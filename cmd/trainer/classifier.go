package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"fovea/data"
	"fovea/inference"
	"fovea/internal/regular"
	"fovea/internal/table"
	"fovea/models/trained"
	"fovea/onnx/engine"
	"fovea/training/config"
)

// A classifierFlags value holds the flags of the commands that use a model on images.
type classifierFlags struct {
	path               string
	given              inference.Description
	classes, mean, std string
	resize, crop       string
	batch, maxPixels   int
	overrides          texts
}

// file defines -model.
func (m *classifierFlags) file() flagEntry {
	return flagEntry{&m.path, "model", "FILE", `model.onnx of a run folder, any ONNX classifier of images [N,3,S,S], or the
			checkpoint of a fine-tuned ViT with its head (.pth, .safetensors, .pdparams)`}
}

// running defines the flags that say how the model is run.
func (m *classifierFlags) running() []flagEntry {
	m.maxPixels = cmp.Or(m.maxPixels, data.DefaultPixels)
	return []flagEntry{
		{&m.batch, "batch", "N", "images in a forward pass"},
		{&m.maxPixels, "max-pixels", "N", `size of the largest image, which its header tells before it is decoded; all that
			are decoded at a time take at most 10 bytes for each of these pixels`},
		{&m.overrides, "set", "KEY=VALUE", `override a key of the runtime section, as in -set runtime.provider=cpu; of a
			checkpoint also model.heads, model.fc_norm_twice and model.weights_from; may repeat`},
	}
}

// description defines the flags that describe a model which no run wrote.
func (m *classifierFlags) description() flagGroup {
	return flagGroup{`
The model of a run describes itself. Describe any other model with these flags, or with a file beside it: MODEL.json or
MODEL.toml for MODEL.onnx, with the keys classes, size, resize, crop, mean, std, white_level, input, output, scores,
positive, ordered and grades. A flag wins over the file, and the file over the model. crop, mean and std are never guessed.
`, []flagEntry{
		{&m.classes, "classes", "A,B", `names of the classes in the order of the outputs, or a file with one on each line. A
			folder stands for the sorted names of its folders, and a table for the sorted labels of its images`},
		{&m.given.Size, "size", "S", "width and height of the model's input in pixels"},
		{&m.resize, "resize", "RULE", `sides to resize: crop, the shorter one, or squash, both to one length (default: crop)`},
		{&m.crop, "crop", "P", `fraction of the resized sides to keep: the image is resized to floor(S/P) with Pillow's
			bicubic filter, then the centre is cut out (default with squash: 1)`},
		{&m.mean, "mean", "R,G,B", "values to subtract from pixels in [0,1]"},
		{&m.std, "std", "R,G,B", "values to divide by after that"},
		{&m.given.White, "white-level", "N", `sample of a 16-bit image that is white, 4095 for 12 bits (default: what the file
			says, else 65535)`},
		{&m.given.Input, "input", "NAME", "input to use if the model has several"},
		{&m.given.Output, "output", "NAME", "output to use if the model has several"},
		{&m.given.Scores, "scores", "KIND", `kind of the output: logits or probabilities (default: what the last nodes of
			the model compute)`},
	}}
}

// read returns what the flags say of the model, and the settings of the engine.
func (m *classifierFlags) read(a *app) (inference.Description, engine.Settings, error) {
	d := m.given
	fail := func(format string, args ...any) (inference.Description, engine.Settings, error) {
		return d, engine.Settings{}, badUsage(format, args...)
	}
	if m.batch < 1 {
		return fail("-batch %d: must be at least 1", m.batch)
	}
	if m.maxPixels < 1 {
		return fail("-max-pixels %d: must be at least 1", m.maxPixels)
	}
	data.LimitPixels(m.maxPixels)
	if d.Size < 0 {
		return fail("-size %d: must be at least 1", d.Size)
	}
	d.Resize = data.ResizeRule(m.resize)
	if m.resize != "" && d.Resize != data.Crop && d.Resize != data.Squash {
		return fail("-resize %s: must be %s or %s", m.resize, data.Crop, data.Squash)
	}
	if m.crop != "" {
		crop, err := strconv.ParseFloat(m.crop, 64)
		if err != nil || !(crop > 0 && crop <= 1) {
			return fail("-crop %s: must be a number above 0 and at most 1", m.crop)
		}
		d.Crop = crop
	}
	var err error
	if d.Mean, err = readNumbers("mean", m.mean); err != nil {
		return fail("%w", err)
	}
	if d.Std, err = readNumbers("std", m.std); err != nil {
		return fail("%w", err)
	}
	if d.Classes, err = readClasses(m.classes); err != nil {
		return fail("%w", err)
	}
	use, err := config.ReadUse(m.overrides, a.environ)
	d.Weights = trained.Settings{Heads: int64(use.Heads), FCNormTwice: use.FCNormTwice, From: use.WeightsFrom}
	return d, use.Runtime.Engine(), err
}

// readNumbers reads the value of -mean or -std. It returns nil for "".
func readNumbers(name, text string) ([]float32, error) {
	if text == "" {
		return nil, nil
	}
	var numbers []float32
	for part := range strings.SplitSeq(text, ",") {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 32)
		if err != nil {
			return nil, fmt.Errorf("-%s %s: must be three numbers, as in 0.485,0.456,0.406", name, text)
		}
		numbers = append(numbers, float32(v))
	}
	return numbers, nil
}

// readClasses reads the value of -classes: a list of readList, a folder of class folders, or a table of labels. Programs
// that read class folders or labels without an order of their own number them in the order of their names.
func readClasses(text string) ([]string, error) {
	if entries, err := os.ReadDir(text); err == nil && text != "" {
		var names []string
		for _, e := range entries {
			if e.IsDir() {
				names = append(names, e.Name())
			}
		}
		if names == nil {
			return nil, fmt.Errorf("-classes %s: the folder holds no folders of classes", text)
		}
		return names, nil
	}
	f, err := regular.Open(text)
	if err != nil {
		return readList("classes", text)
	}
	defer f.Close()
	t, err := table.OpenLabels(f)
	if err != nil {
		return readList("classes", text) // no table of labels
	}
	var names []string
	for {
		_, label, err := t.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("-classes %s: %w", text, err)
		}
		if !slices.Contains(names, label) {
			names = append(names, label)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		x, errX := strconv.Atoi(a)
		y, errY := strconv.Atoi(b)
		if errX == nil && errY == nil {
			return cmp.Compare(x, y)
		}
		return strings.Compare(a, b)
	})
	return names, nil
}

// readList reads the value of a flag: names that commas separate, or a file with one name on each line.
func readList(flag, text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	f, err := regular.Open(text)
	if err != nil {
		if strings.Contains(text, ",") {
			names := strings.Split(text, ",")
			for i := range names {
				names[i] = strings.TrimSpace(names[i])
			}
			return names, nil
		}
		return nil, fmt.Errorf("-%s %s: neither names with commas between them nor a file: %w", flag, text, err)
	}
	defer f.Close()
	names, err := table.Names(f)
	if err != nil {
		return nil, fmt.Errorf("-%s %s: %w", flag, text, err)
	}
	return names, nil
}

// describe returns what read returns, completed from the model and from a file beside it.
func (m *classifierFlags) describe(a *app) (*inference.Description, engine.Settings, error) {
	given, r, err := m.read(a)
	if err != nil {
		return nil, r, err
	}
	d, err := inference.Describe(m.path, given)
	return d, r, err
}

// open makes the model ready for batches of a size.
func (m *classifierFlags) open(ctx context.Context, a *app, d *inference.Description, r engine.Settings, batch int) (
	*inference.Classifier, engine.Host, error) {
	options, host, err := engine.SessionOptions(ctx, r, a.console.update)
	if err != nil {
		return nil, host, err
	}
	c, err := inference.Open(m.path, d, batch, options)
	return c, host, err
}

// pathsText says in the manuals what imagePaths takes.
const pathsText = `
PATH is a file, a folder, a tar archive, a pattern such as 'scans/*.png', or - to read paths from standard input, one on
each line. A folder stands for the images in it at any depth, and an archive (.tar) for its images in their order. A path
may lie in an object store: s3://BUCKET/..., gs://BUCKET/..., azblob://CONTAINER/... or https://HOST/FILE.
`

// imagePaths lists the images that operands name.
func imagePaths(ctx context.Context, operands []string) ([]string, error) {
	if len(operands) == 0 {
		return nil, badUsage("missing the images: files, folders, patterns, or - for paths on standard input")
	}
	var paths []string
	var err error
	done := make(chan struct{})
	go func() { // waits as long as standard input is silent
		defer close(done)
		paths, err = inference.Paths(operands, os.Stdin)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return nil, fmt.Errorf("listing images: %w", context.Cause(ctx))
	}
	if err == nil && len(paths) == 0 {
		err = errors.New("standard input names no images")
	}
	return paths, err
}
