package explain

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fovea/data"
	"fovea/evaluation"
	"fovea/inference"
	"fovea/internal/durable"
	"fovea/internal/progress"
	"fovea/internal/table"
)

// Input is a model file and the images that go through it.
type Input struct {
	Model       string
	Description *inference.Description
	Images      []string // paths of image files
	Skip        bool     // leave out images that cannot be read instead of failing
	Progress    progress.Func

	verified []data.Fingerprint // of Images
}

// describe resolves the description and copies into the options what it says of the model.
func (in *Input) describe(ctx context.Context, o *Options) error {
	if in.Description.Raw {
		return fmt.Errorf("%s prepares images itself, by steps without a gradient: "+
			"use the model of the export without _raw in its name", in.Model)
	}
	o.Output, o.Side, o.Weights = in.Description.Output, in.Description.Size, in.Description.Weights
	return in.Description.Resolve(ctx, in.Model)
}

// WriteOptions of Write.
type WriteOptions struct {
	Input
	Options
	Class string // its name; "": that of each image's highest score
	Out   string // folder to write to; made if need be
}

// Files in the folder.
const (
	TableFile = "explanations.csv"
	SheetFile = "contact_sheet.png"
)

// sheetRows is the number of images on the contact sheet.
const sheetRows = 16

// Write explains images into a folder: of each N-NAME.png, the image beside its maps, and N-NAME.METHOD.npy, each map
// as it is; the first of the images together in contact_sheet.png; and explanations.csv, a row an image and method.
// With Options.Randomize the table has Spearman's rank correlation of each map with that of the model whose weights
// were shuffled, for the same class. It holds one batch of images in memory, beside the sheet. It returns the number of
// images.
func Write(ctx context.Context, o WriteOptions) (n int, err error) {
	shuffled := o.Randomize
	o.Randomize = false
	o.Batch = min(o.Batch, len(o.Images))
	class := -1
	if o.Class != "" {
		if class = slices.Index(o.Description.Classes, o.Class); class < 0 {
			return 0, fmt.Errorf("the model has no class %q: it has %q", o.Class, o.Description.Classes)
		}
	}
	if err := o.describe(ctx, &o.Options); err != nil {
		return 0, err
	}
	r := writer{WriteOptions: o}
	if r.model, err = Open(ctx, o.Model, o.Options); err != nil {
		return 0, err
	}
	defer r.model.Close()
	if err := o.check(r.model.Side, r.model.Classes); err != nil {
		return 0, err
	}
	if shuffled {
		o.Randomize, o.Methods = true, r.model.Methods
		if r.random, err = Open(ctx, o.Model, o.Options); err != nil {
			return 0, err
		}
		defer r.random.Close()
	}
	if err := r.verify(ctx); err != nil {
		return 0, err
	}
	if err := durable.MakeFolder(o.Out); err != nil {
		return 0, err
	}
	err = writeFile(filepath.Join(o.Out, TableFile), func(w io.Writer) error {
		r.table = csv.NewWriter(w)
		r.table.Write([]string{"path", "class", "probability", "predicted", "method", "map", "picture", "score",
			"mean_image_score", "sum", "steps", "randomized_rank_correlation"})
		err := r.each(ctx, "explain", r.model.Batch, func(images []float32, paths []string) error {
			return r.batch(images, paths, class)
		})
		if err != nil {
			return err
		}
		r.table.Flush()
		return r.table.Error()
	})
	if err != nil {
		return 0, err
	}
	if r.incomplete > 0 {
		slog.Warn("integrated gradients do not add up to the difference of the scores within 0.1 %: take more steps",
			"images", r.incomplete, "of", r.written)
	}
	return r.written, writeFile(filepath.Join(o.Out, SheetFile),
		func(w io.Writer) error { return writePicture(w, r.sheet) })
}

// check returns an error if the description does not fit the model.
func (in *Input) check(side, classes int) error {
	switch {
	case in.Description.Size != side:
		return fmt.Errorf("%s takes images of %d pixels, but they are prepared with %d", in.Model, side, in.Description.Size)
	case classes != 0 && classes != len(in.Description.Classes):
		return fmt.Errorf("%s has scores of %d classes, but %d names: %q", in.Model, classes, len(in.Description.Classes),
			in.Description.Classes)
	}
	return nil
}

// verify finds images that cannot be read, before any work is done. It is an error if there are any, unless they are
// skipped: then others must be left.
func (in *Input) verify(ctx context.Context) error {
	samples := in.samples()
	if len(samples) == 0 { // a shard may have none
		return nil
	}
	var bad []data.BadImage
	var err error
	in.verified, bad, err = data.Verify(ctx, samples, 0, nil, in.Description.Transform(), in.Progress.Images("check images"))
	if err != nil || bad == nil {
		return err
	}
	unreadable := &data.Unreadable{Images: bad, Total: len(samples)}
	if err := unreadable.LeaveOut(in.Skip, "add -skip-unreadable"); err != nil {
		return err
	}
	in.Images = nil
	for _, s := range data.Readable(samples, bad) {
		in.Images = append(in.Images, s.Path)
	}
	return nil
}

func (in *Input) samples() []data.Sample {
	out := make([]data.Sample, len(in.Images))
	for i, path := range in.Images {
		out[i].Path = path
	}
	return out
}

// each reads the images batch by batch, float32 [n,3,S,S], and calls do with them and their paths.
func (in *Input) each(ctx context.Context, task string, batch int,
	do func(images []float32, paths []string) error) error {
	if len(in.Images) == 0 {
		return nil
	}
	loader, err := data.NewLoader(data.LoaderConfig{Samples: in.samples(), Verified: in.verified, Batch: batch,
		Transform: in.Description.Transform()})
	if err != nil {
		return err
	}
	defer loader.LogNotes()
	report := in.Progress.Images(task)
	done := 0
	return loader.Each(ctx, 0, func(b *data.Batch) error {
		err := do(b.Images, in.Images[done:done+b.N])
		var image *ImageError
		if errors.As(err, &image) {
			return fmt.Errorf("%s: %w", in.Images[done+image.Index], err)
		}
		done += b.N
		report(done, len(in.Images))
		return err
	})
}

type writer struct {
	WriteOptions
	model, random *Model
	table         *csv.Writer
	sheet         []panels
	written       int // images
	incomplete    int // integrals
}

func (r *writer) batch(images []float32, paths []string, class int) error {
	classes := make([]int, len(paths))
	for i := range classes {
		classes[i] = class
	}
	all, err := r.model.Explain(images, classes)
	if err != nil {
		return err
	}
	var random []Explanation
	if r.random != nil {
		for i, e := range all {
			classes[i] = e.Class
		}
		if random, err = r.random.Explain(images, classes); err != nil {
			return err
		}
	}
	size := len(images) / len(paths)
	for i, e := range all {
		img := Image(images[i*size:(i+1)*size], r.Description.Transform())
		var shuffled []Map
		if random != nil {
			shuffled = random[i].Maps
		}
		if err := r.image(paths[i], img, &e, shuffled); err != nil {
			return err
		}
	}
	return nil
}

// image writes the files and rows of one image. The maps of shuffled weights may be missing.
func (r *writer) image(path string, img *image.NRGBA, e *Explanation, shuffled []Map) error {
	r.written++
	name := fmt.Sprintf("%0*d-%s", len(strconv.Itoa(len(r.Images))), r.written, shortBase(path))
	probability, err := r.Description.Probabilities(e.Output)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	class := r.Description.Classes[e.Class]
	p := panels{name: path, class: fmt.Sprintf("%s, probability %.2f", class, probability[e.Class]), image: img,
		maps: e.Maps}
	picture := func(w io.Writer) error { return writePicture(w, []panels{p}) }
	if err := writeFile(filepath.Join(r.Out, name+".png"), picture); err != nil {
		return err
	}
	if len(r.sheet) < sheetRows {
		r.sheet = append(r.sheet, p)
	}
	best := r.Description.Classes[evaluation.Prediction{Probabilities: probability}.Predicted()]
	for k, m := range e.Maps {
		file := fmt.Sprintf("%s.%s.npy", name, m.Method)
		values := func(w io.Writer) error { return writeNPY(w, m.Shape, m.Values) }
		if err := writeFile(filepath.Join(r.Out, file), values); err != nil {
			return err
		}
		row := []string{table.Escape(path), table.Escape(class), decimal(probability[e.Class]), table.Escape(best),
			string(m.Method), file, name + ".png",
			decimal(float64(e.Scores[e.Class])), "", "", "", ""}
		if shuffled != nil {
			if c := RankCorrelation(m, shuffled[k]); !math.IsNaN(c) {
				row[11] = decimal(c)
			}
		}
		if m.Method == Integrated {
			row[8], row[9], row[10] = decimal(e.Integral.Baseline), decimal(e.Integral.Sum), strconv.Itoa(e.Integral.Steps)
			if !(e.Integral.Gap() <= Complete) {
				r.incomplete++
			}
		}
		r.table.Write(row)
	}
	return r.table.Error()
}

// shortBase returns the name of a file without its ending, cut so that longer names made of it fit a file system.
func shortBase(path string) string {
	const most = 150 // bytes, of 255
	base := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	if len(base) > most {
		base = strings.ToValidUTF8(base[:most], "")
	}
	return base
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
