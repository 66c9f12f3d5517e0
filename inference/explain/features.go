package explain

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fovea/graphs/importer"
	"fovea/inference/shard"
	"fovea/internal/durable"
	"fovea/internal/numbers"
	"fovea/internal/table"
	"fovea/models/imported"
	"fovea/onnx/ort"
)

// A Features computes the latent features of images, the input of a classifier's head. It is for one goroutine.
type Features struct {
	Batch int // images of a call of Compute, at most
	Side  int // S of the images
	Width int // features of an image

	session *session
}

// OpenFeatures reads a model, float32 [N,3,S,S] → scores [N,C], and makes the features its only output. They are the
// input of its last linear layer: for a ViT of Fovea the pooled and normalised tokens. Methods, Steps and Randomize of
// the options are not read.
func OpenFeatures(ctx context.Context, path string, o Options) (*Features, error) {
	if o.Batch < 1 {
		return nil, fmt.Errorf("a batch of %d images: at least 1", o.Batch)
	}
	o.Batch = max(2, o.Batch) // of one image the head cannot always be told from other layers
	file, err := o.read(ctx, path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	f, err := features(ctx, file, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

const featuresOutput = "explain.features"

func features(ctx context.Context, file *imported.File, o Options) (*Features, error) {
	model, err := file.Import(importer.Options{})
	if err != nil {
		return nil, err
	}
	g := model.Graph
	a, err := locate(ctx, file, model, o.Output)
	if err != nil {
		return nil, err
	}
	head, err := file.FindHead(a.images.Shape[0])
	if err != nil {
		return nil, err
	}
	v := model.Values[head.Features]
	if v == nil || v.Len() != a.images.Shape[0]*head.Width {
		return nil, errors.New("its head reads several positions of an image: there is no vector of features")
	}
	g.Outputs = nil
	g.Output(featuresOutput, g.Reshape(v, a.images.Shape[0], head.Width))
	g.RemoveDead()
	f := &Features{Batch: int(a.images.Shape[0]), Side: int(a.images.Shape[3]), Width: int(head.Width)}
	f.session, err = newSession(ctx, g, a.images.Name, Options{Threads: o.Threads})
	return f, err
}

// Compute returns the features [n,Width] of up to Batch images float32 [n,3,S,S].
func (f *Features) Compute(images []float32) (out []float32, err error) {
	size := 3 * f.Side * f.Side
	n := len(images) / size
	if n*size != len(images) || n < 1 || n > f.Batch {
		return nil, fmt.Errorf("%d values are not 1 to %d images [3,%d,%[3]d]", len(images), f.Batch, f.Side)
	}
	input := f.session.images.Float32()
	clear(input[copy(input, images):])
	err = f.session.run(func(_ ort.Info, data []byte) { out = numbers.Decode[float32](data)[:n*f.Width] })
	return out, err
}

// Close frees the model.
func (f *Features) Close() error { return f.session.session.Close() }

// FeatureOptions of WriteFeatures.
type FeatureOptions struct {
	Input
	Options        // Batch and Threads of them
	Out     string // F.csv or F.npy
	PCA     string // PNG of the first two principal components; "": none
	Shard   shard.Shard
}

// WriteFeatures writes the features of images: F.csv with the columns path, label, feature_0 and on, or F.npy, float32
// [N,F], with the path and label of its rows in F.csv. The label is the name of the image's folder if that is a class
// of the model, else empty. It holds one batch of images in memory, and returns their number.
//
// A shard writes files of its own, without leaving out images: the batches of later shards would be others.
func WriteFeatures(ctx context.Context, o FeatureOptions) (n int, err error) {
	base, npy := strings.CutSuffix(o.Out, ".npy")
	if !npy && filepath.Ext(o.Out) != ".csv" {
		return 0, fmt.Errorf("%s: features are written to a file that ends in .csv or .npy", o.Out)
	}
	if o.PCA != "" {
		if _, err := os.Stat(filepath.Dir(o.PCA)); err != nil {
			return 0, err
		}
	}
	if err := o.describe(ctx, &o.Options); err != nil {
		return 0, err
	}
	f, err := OpenFeatures(ctx, o.Model, o.Options)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := o.check(f.Side, 0); err != nil {
		return 0, err
	}
	var record shard.Record
	if !o.Shard.Whole() {
		if record, err = o.shard(f); err != nil {
			return 0, err
		}
		base = strings.TrimSuffix(o.Out, ".npy")
	}
	if err := o.verify(ctx); err != nil {
		return 0, err
	}
	if o.PCA != "" && len(o.Images) < 3 {
		return 0, fmt.Errorf("%d images have no principal components: at least 3", len(o.Images))
	}
	kept := newSample(len(o.Images), f.Width)
	file, columns := o.Out, f.Width // of numbers
	if npy {
		file, columns = base+".csv", 0
	}
	write := func(matrix io.Writer) error {
		return writeFile(file, func(w io.Writer) error {
			rows := csv.NewWriter(w)
			rows.Write(featureColumns(columns))
			err := o.each(ctx, "features", f.Batch, func(images []float32, paths []string) error {
				values, err := f.Compute(images)
				if err != nil {
					return err
				}
				for i, path := range paths {
					own := values[i*f.Width : (i+1)*f.Width]
					if !finite(own) {
						return fmt.Errorf("%s: the features of the image are %w", path, ErrNotFinite)
					}
					label := o.label(path)
					row := []string{table.Escape(path), table.Escape(label)}
					for _, v := range own[:columns] {
						row = append(row, strconv.FormatFloat(float64(v), 'g', -1, 32))
					}
					rows.Write(row)
					kept.add(own, label)
				}
				return writeFloats(matrix, values)
			})
			rows.Flush()
			return errors.Join(err, rows.Error())
		})
	}
	if npy {
		err = writeFile(o.Out, func(matrix io.Writer) error {
			matrix.Write(npyHeader([]int{len(o.Images), f.Width})) // the writer keeps an error for the values
			return write(matrix)
		})
	} else {
		err = write(io.Discard)
	}
	if err == nil && !o.Shard.Whole() {
		err = o.finish(record, f.Width, npy)
	}
	if err != nil || o.PCA == "" {
		return len(o.Images), err
	}
	return len(o.Images), writeFile(o.PCA, func(w io.Writer) error { return kept.picture(w, o.Description.Classes) })
}

func featureColumns(features int) []string {
	columns := []string{"path", "label"}
	for i := range features {
		columns = append(columns, "feature_"+strconv.Itoa(i))
	}
	return columns
}

// label returns the class that an image's folder names, else "".
func (in *Input) label(path string) string {
	full, err := filepath.Abs(path)
	if folder := filepath.Base(filepath.Dir(full)); err == nil && slices.Contains(in.Description.Classes, folder) {
		return folder
	}
	return ""
}

// writeFile writes a file, which appears only when it is complete.
func writeFile(path string, write func(io.Writer) error) error {
	var failed error
	err := durable.Write(path, func(w io.Writer) error {
		failed = write(w)
		return failed
	})
	if failed != nil {
		return failed // most often an image's, not the file's
	}
	return err
}
