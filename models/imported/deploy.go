package imported

import (
	"context"
	"fmt"

	"fovea/graphs/importer"
	"fovea/graphs/transfer"
	"fovea/onnx"
)

// OpenAsWritten reads an open classifier of images of a size to write it again, not to train it: see [File.Verbatim]. It
// turns a model of one image into one of any number, if each of several images then gives the same result as alone.
// fixed is the reason why it could not. The file closes the model, also after an error. path is for messages.
func OpenAsWritten(ctx context.Context, model *onnx.Model, path string, size int64) (f *File, fixed error, err error) {
	defer func() {
		if err != nil {
			model.Close()
			err = fmt.Errorf("%s: %w", path, err)
		}
	}()
	m, image, err := transfer.TakeImages(model.Proto, size)
	if err != nil {
		return nil, nil, err
	}
	batch := int64(traced)
	if image.Batch != 0 {
		batch = image.Batch
	}
	if f, err = read(ctx, m, importer.Sizes{Batch: batch}); err != nil {
		return nil, nil, err
	}
	if image.Batch != 0 {
		var free *File
		if free, fixed = freeBatch(ctx, f, image.Batch); fixed == nil {
			f = free
		}
	}
	f.model = model
	return f, fixed, nil
}

// Verbatim imports the model as it is written, see importer.Source.Verbatim.
func (f *File) Verbatim() (*importer.Model, error) { return f.source.Verbatim(f.trace) }
