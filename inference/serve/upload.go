package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"time"

	"fovea/data"
)

// A refusal is an answer with another status than 200.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// upload returns the handler of a request with an image. An error of handle is answered by its refusal.
func (s *Server) upload(handle func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		started, body := time.Now(), r.Body
		err := s.admit(w, r, handle)
		if err == nil {
			return
		}
		var refused *refusal
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &refused):
		case errors.As(err, &large):
			refused = s.tooLarge()
		case r.Context().Err() != nil:
			refused = &refusal{http.StatusServiceUnavailable, "the request was given up"}
		default:
			slog.Error("an upload was not answered", "path", r.URL.Path, "reason", err)
			refused = &refusal{http.StatusInternalServerError, "the image could not be processed"}
		}
		if refused.status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "1")
		}
		w.Header().Set("Connection", "close")
		control := http.NewResponseController(w)
		control.EnableFullDuplex() // else the server would read first; every connection of HTTP/1 can
		s.answer(w, r, refused.status, map[string]string{"error": refused.text})
		if control.Flush() == nil {
			s.discard(control, body, started)
		}
	}
}

// discard reads what is still under way of an upload that was answered. If the connection were closed at once, a client
// that writes would see it reset, and not the answer. It reads only so many bytes, and for so long.
func (s *Server) discard(control *http.ResponseController, body io.Reader, started time.Time) {
	end := time.Now().Add(s.limits.Drain)
	if last := started.Add(s.limits.Request); last.Before(end) { // a client that took too long has no more time
		end = last
	}
	if control.SetReadDeadline(end) == nil {
		io.CopyN(io.Discard, body, drained*s.limits.Bytes)
	}
}

// drained limits what is read of a refused upload, as a multiple of the largest file.
const drained = 8

// admit hands a request on if there is room for it.
func (s *Server) admit(w http.ResponseWriter, r *http.Request,
	handle func(http.ResponseWriter, *http.Request) error) error {
	// A form is a little larger than the file in it.
	limit := s.limits.Bytes + 64<<10
	if r.ContentLength > limit {
		return s.tooLarge()
	}
	size := r.ContentLength
	if size < 0 {
		size = limit
	}
	uploads, reserved := s.uploads.Add(1), s.reserved.Add(size)
	defer s.uploads.Add(-1)
	defer s.reserved.Add(-size)
	if uploads > int64(s.limits.Queue) || reserved > s.limits.Memory {
		return refuse(http.StatusServiceUnavailable, "too many images are under way: try again")
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	return handle(w, r)
}

func (s *Server) tooLarge() *refusal {
	return &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the file has more than %d bytes", s.limits.Bytes)}
}

// image returns the tensor of the image in a request.
func (s *Server) image(r *http.Request) ([]float32, error) {
	file, err := s.file(r)
	if err != nil {
		return nil, err
	}
	return s.prepare(r.Context(), file)
}

// file returns the image file in a request: its body, or the first file of a form.
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
		return nil, s.tooLarge()
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

// prepare decodes an image file, no more at a time than there are cores, and returns its tensor.
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
	release, err := data.Reserve(file)
	if err != nil {
		return nil, refuse(http.StatusRequestEntityTooLarge, "%v", err)
	}
	defer release()
	img, notes, err := t.Reading.DecodeBytes(file)
	if err != nil {
		return nil, refuse(http.StatusUnsupportedMediaType, "%v", err)
	}
	s.notes.Add("an upload", notes)
	tensor := make([]float32, 3*t.Side()*t.Side())
	if err := t.Apply(tensor, img, nil); err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, "%v", err)
	}
	return tensor, nil
}
