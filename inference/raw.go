package inference

import (
	"context"
	"errors"
	"fmt"
	"image"

	"fovea/data/pixels"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// RawClassifier runs a model with the preparation inside, uint8 [height,width,3], image by image. It is for one
// goroutine at a time.
type RawClassifier struct {
	session *ort.Session
	d       *Description
	outputs map[string]*ort.Tensor
}

// OpenRaw makes a model file ready whose description says Raw.
func OpenRaw(path string, d *Description, o ort.Options) (*RawClassifier, error) {
	s, err := ort.OpenSession(path, o)
	if err != nil {
		return nil, err
	}
	c := &RawClassifier{session: s, d: d, outputs: map[string]*ort.Tensor{}}
	if err := c.bind(); err != nil {
		c.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (c *RawClassifier) bind() error {
	if in := c.session.Inputs(); len(in) != 1 || in[0].Type != pb.TensorProto_UINT8 || len(in[0].Shape) != 3 {
		return errors.New("its input is no image, uint8 [height,width,3], as its metadata say")
	}
	for _, out := range c.session.Outputs() {
		if out.Type != pb.TensorProto_FLOAT || len(out.Shape) != 2 || out.Shape[0] != 1 ||
			out.Shape[1] != int64(len(c.d.Classes)) {
			return fmt.Errorf("output %q is %s%v, not the scores of %d classes", out.Name, out.Type, out.Shape, len(c.d.Classes))
		}
		t, err := ort.NewTensor(out.Type, out.Shape...)
		if err != nil {
			return err
		}
		c.outputs[out.Name] = t
		if err := c.session.Bind(out.Name, t); err != nil {
			return err
		}
	}
	return nil
}

// Decode reads an image file as the description says.
func (c *RawClassifier) Decode(path string) (*image.NRGBA, error) {
	return c.d.Transform().Reading.Decode(path)
}

// Classify returns the probabilities of an image.
func (c *RawClassifier) Classify(img *image.NRGBA) ([]float64, error) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	in, err := ort.NewTensor(pb.TensorProto_UINT8, int64(h), int64(w), 3)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	to := in.Bytes()
	for y := range h {
		row := img.Pix[y*img.Stride:]
		for x := range w {
			copy(to[3*(y*w+x):], row[4*x:4*x+3])
		}
	}
	if err := c.session.Bind(c.d.Input, in); err != nil {
		return nil, err
	}
	if err := c.session.Run(); err != nil {
		return nil, err
	}
	return c.d.Probabilities(c.outputs[c.d.Output].Float32())
}

// Predict classifies image files, in their order, and writes them to t, as [Classifier.Predict] does.
func (c *RawClassifier) Predict(ctx context.Context, paths []string, t *Table,
	progress func(done, total int)) (Counts, error) {
	var n Counts
	var notes pixels.Tally
	defer notes.Log()
	for i, path := range paths {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		r := Result{Index: i}
		img, noted, err := c.d.Transform().Reading.DecodeNoted(path)
		notes.Add(path, noted)
		if err == nil {
			err = c.d.Transform().CheckPixels(img.Rect.Dx(), img.Rect.Dy(), mostPixels)
		}
		if err == nil {
			if r.Probabilities, err = c.Classify(img); err != nil {
				return n, err
			}
			err = checkFinite(r.Probabilities)
		}
		if n.Images++; err != nil {
			r.Err = err
			n.Failed++
		}
		if progress != nil {
			progress(n.Images, len(paths))
		}
		if err := t.Write(paths, []Result{r}); err != nil {
			return n, err
		}
	}
	return n, nil
}

// mostPixels of an image, as it is and resized: the model resizes all of it before it cuts anything out.
const mostPixels = 100_000_000

// Close frees the classifier's memory and its session.
func (c *RawClassifier) Close() error {
	failed := []error{c.session.Close()}
	for _, t := range c.outputs {
		failed = append(failed, t.Close())
	}
	return errors.Join(failed...)
}
