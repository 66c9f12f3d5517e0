package serve

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"net/http"
	"slices"
	"time"

	"fovea/inference/explain"
)

// An explainer draws what a score depends on, one image at a time.
type explainer struct {
	model  *explain.Model
	reason error // why there is none

	room chan struct{} // one for each that reads its image, waits or runs
	turn chan struct{} // one for the one that runs
}

// mostExplanations may be under way. An explanation costs as much as several predictions, so that these would wait if
// more could be.
const mostExplanations = 8

func newExplainer(m *explain.Model, reason error) *explainer {
	return &explainer{m, reason, make(chan struct{}, mostExplanations), make(chan struct{}, 1)}
}

// explain answers POST /explain?class=NAME with a PNG of the map over the image, and with the name of its method in the
// header Fovea-Method. Without a class it takes that of the highest score.
func (s *Server) explain(w http.ResponseWriter, r *http.Request) error {
	if s.explainer.model == nil {
		return refuse(http.StatusNotImplemented, "there are no heat maps: %v", s.explainer.reason)
	}
	class := -1
	if name := r.URL.Query().Get("class"); name != "" {
		if class = slices.Index(s.description.Classes, name); class < 0 {
			return refuse(http.StatusBadRequest, "the model has no class %q: it has %q", name, s.description.Classes)
		}
	}
	select {
	case s.explainer.room <- struct{}{}:
		defer func() { <-s.explainer.room }()
	default:
		return refuse(http.StatusServiceUnavailable, "too many heat maps are under way: try again")
	}
	image, err := s.image(r)
	if err != nil {
		return err
	}
	e, err := s.explainer.run(r.Context(), image, class, s.counts)
	if errors.Is(err, explain.ErrNotFinite) {
		return refuse(http.StatusUnprocessableEntity, "%v", err)
	}
	if err != nil {
		return err
	}
	var picture bytes.Buffer
	fast := png.Encoder{CompressionLevel: png.BestSpeed}
	overlay := explain.Overlay(explain.Image(image, s.description.Transform()), e.Maps[0])
	if err := fast.Encode(&picture, overlay); err != nil {
		return err
	}
	w.Header().Set("Fovea-Method", string(e.Maps[0].Method))
	s.write(w, r, http.StatusOK, "image/png", picture.Bytes())
	return nil
}

// run waits for its turn.
func (x *explainer) run(ctx context.Context, image []float32, class int, counts *counts) (*explain.Explanation, error) {
	select {
	case x.turn <- struct{}{}:
		defer func() { <-x.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	start := time.Now()
	all, err := x.model.Explain(image, []int{class})
	if err != nil {
		return nil, err
	}
	counts.explained(time.Since(start))
	return &all[0], nil
}
