package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"

	"fovea/data"
	"fovea/evaluation"
)

// reply is the answer to an image.
type reply struct {
	Predicted     string        `json:"predicted"`
	Probabilities []probability `json:"probabilities"` // in the model's order
}

type probability struct {
	Class       string  `json:"class"`
	Probability float64 `json:"probability"`
}

// A refusal is an answer with another status than 200.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// predict answers POST /predict.
func (s *Server) predict(w http.ResponseWriter, r *http.Request) {
	answer, err := s.classify(w, r)
	if err == nil {
		s.answer(w, http.StatusOK, answer)
		return
	}
	var refused *refusal
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &refused):
	case errors.As(err, &large):
		refused = &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the file has more than %d bytes", s.limits.Bytes)}
	case r.Context().Err() != nil:
		refused = &refusal{http.StatusServiceUnavailable, "the request was given up"}
	default:
		slog.Error("an image was not classified", "reason", err)
		refused = &refusal{http.StatusInternalServerError, "the image could not be classified"}
	}
	if refused.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	// What is left of the body is not read.
	w.Header().Set("Connection", "close")
	s.answer(w, refused.status, map[string]string{"error": refused.text})
}

func (s *Server) classify(w http.ResponseWriter, r *http.Request) (*reply, error) {
	// A form is a little larger than the file in it.
	limit := s.limits.Bytes + 64<<10
	if r.ContentLength > limit {
		return nil, refuse(http.StatusRequestEntityTooLarge, "%d bytes are more than the limit of %d", r.ContentLength, s.limits.Bytes)
	}
	size := r.ContentLength
	if size < 0 {
		size = limit
	}
	uploads, reserved := s.uploads.Add(1), s.reserved.Add(size)
	defer s.uploads.Add(-1)
	defer s.reserved.Add(-size)
	if uploads > int64(s.limits.Queue) || reserved > s.limits.Memory {
		return nil, refuse(http.StatusServiceUnavailable, "too many images are under way: try again")
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	file, err := s.file(r)
	if err != nil {
		return nil, err
	}
	image, err := s.prepare(r.Context(), file)
	if err != nil {
		return nil, err
	}
	p, err := s.batcher.classify(r.Context(), image)
	if err != nil {
		return nil, err
	}
	for _, v := range p {
		if v != v {
			return nil, refuse(http.StatusUnprocessableEntity, "the model's scores of the image are not finite")
		}
	}
	out := &reply{Predicted: s.description.Classes[evaluation.Prediction{Probabilities: p}.Predicted()]}
	for i, v := range p {
		out.Probabilities = append(out.Probabilities, probability{s.description.Classes[i], v})
	}
	return out, nil
}

// file is the image file in a request: its body, or the first file of a form.
func (s *Server) file(r *http.Request) ([]byte, error) {
	body := io.Reader(r.Body)
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		form, err := r.MultipartReader()
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "the form cannot be read: %v", err)
		}
		part, err := form.NextPart()
		for err == nil && part.FileName() == "" {
			part, err = form.NextPart()
		}
		if errors.Is(err, io.EOF) {
			return nil, refuse(http.StatusBadRequest, "the form holds no file")
		}
		if err != nil {
			return nil, readError(err)
		}
		body = part
	}
	file, err := io.ReadAll(io.LimitReader(body, s.limits.Bytes+1))
	switch {
	case err != nil:
		return nil, readError(err)
	case int64(len(file)) > s.limits.Bytes:
		return nil, refuse(http.StatusRequestEntityTooLarge, "the file has more than %d bytes", s.limits.Bytes)
	case len(file) == 0:
		return nil, refuse(http.StatusBadRequest, "there is no image: send the file as the body")
	}
	return file, nil
}

func readError(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return err
	}
	return refuse(http.StatusBadRequest, "the file did not arrive whole: %v", err)
}

// prepare decodes an image file, no more at a time than there are
// cores, and returns its tensor.
func (s *Server) prepare(ctx context.Context, file []byte) ([]float32, error) {
	t := s.description.Transform()
	w, h, err := data.DecodeSize(file)
	if err == nil {
		err = t.CheckPixels(w, h, s.limits.Pixels)
	}
	switch {
	case errors.Is(err, data.ErrTooLarge):
		return nil, refuse(http.StatusRequestEntityTooLarge, "%v", err)
	case err != nil:
		return nil, refuse(http.StatusUnsupportedMediaType, "%v", err)
	}
	select {
	case s.decoders <- struct{}{}:
		defer func() { <-s.decoders }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	img, err := data.DecodeBytes(file)
	if err != nil {
		return nil, refuse(http.StatusUnsupportedMediaType, "%v", err)
	}
	tensor := make([]float32, 3*t.Side()*t.Side())
	if err := t.Apply(tensor, img, nil); err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, "%v", err)
	}
	return tensor, nil
}
