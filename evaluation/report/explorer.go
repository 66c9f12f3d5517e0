package report

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"slices"

	"fovea/evaluation/figures"
	"fovea/internal/naming"
	"fovea/internal/parallel"
)

const (
	mostPictures   = 5000      // of the explorer
	picturesBytes  = 12 << 20  // of them all, before base64
	leastSide      = 64        // pixels of a thumbnail
	mostCells      = 2_000_000 // probabilities that the page holds
	mostLabelRows  = 50        // of the table of label errors; the page's script exports all
	mostGroupNames = 20        // of an attribute that has a list to choose from
)

// An explorer holds the images of a test for the script of the page, which shows those behind a part of a figure.
// Columns have a value for each image.
type explorer struct {
	Classes       []string         `json:"classes"`
	Paths         []string         `json:"paths"`
	Labels        []int            `json:"labels"`
	Predicted     []int            `json:"predicted"`
	Bins          []int            `json:"bins"`          // of the reliability diagram
	Probabilities string           `json:"probabilities"` // float32, little-endian, image after image, in base64
	Patients      []string         `json:"patients,omitempty"`
	Groups        []explorerGroups `json:"groups,omitempty"`
	Pictures      []template.URL   `json:"pictures,omitempty"` // "": none, or that of the list of hardest errors
	Errors        []labelError     `json:"errors"`             // likely label errors
	Figures       []explorerFigure `json:"figures"`
	Unit          string           `json:"unit"`
}

// explorerGroups divide the images.
type explorerGroups struct {
	By    string   `json:"by"`
	Names []string `json:"names"`
	Of    []int    `json:"of"` // -1: in no group
}

// An explorerFigure is one of the page whose parts can be chosen.
type explorerFigure struct {
	ID    string        `json:"id"`
	Kind  string        `json:"kind"` // "cells", "bins" or "curves"
	Plots []figures.Box `json:"plots"`
}

type labelError struct {
	Row    int     `json:"row"`
	Class  int     `json:"class"`
	Margin float64 `json:"margin"`
	Path   string  `json:"-"`
	Actual string  `json:"-"`
	Likely string  `json:"-"`
	// Probabilities of both classes.
	ActualProbability, LikelyProbability float64 `json:"-"`
}

// kinds are the figures whose parts can be chosen.
var kinds = map[string]string{"confusion": "cells", "confusion_counts": "cells", "reliability": "bins", "roc": "curves"}

// explorer returns nil if the images are too many for a page.
func (t *Test) explorer(pictures []Picture, hardest []hardError) *explorer {
	p := t.Predictions
	if len(p.Rows)*len(p.Classes) > mostCells {
		return nil
	}
	x := &explorer{Unit: t.Assessment.Unit.Several(), Classes: visible(p.Classes), Errors: []labelError{}}
	var values bytes.Buffer
	for _, r := range p.Rows {
		class := r.Predicted()
		x.Paths = append(x.Paths, naming.Visible(r.Path))
		x.Labels = append(x.Labels, r.Label)
		x.Predicted = append(x.Predicted, class)
		x.Bins = append(x.Bins, figures.BinOf(r.Probabilities[class], bins))
		for _, v := range r.Probabilities {
			values.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(v))))
		}
	}
	x.Probabilities = base64.StdEncoding.EncodeToString(values.Bytes())
	x.Patients = visible(p.Attribute("patient"))
	x.Groups = t.explorerGroups()
	for _, e := range LabelErrors(p) {
		r := p.Rows[e.Row]
		x.Errors = append(x.Errors, labelError{Row: e.Row, Class: e.Class, Margin: e.Margin, Path: r.Path,
			Actual: p.Classes[r.Label], Likely: p.Classes[e.Class], ActualProbability: r.Probabilities[r.Label],
			LikelyProbability: r.Probabilities[e.Class]})
	}
	for i, f := range pictures {
		if kind := kinds[f.Name]; kind != "" {
			x.Figures = append(x.Figures, explorerFigure{slug(i), kind, f.Figure.Plots()})
		}
	}
	if t.Open != nil {
		x.Pictures = t.thumbnails(hardest)
	}
	return x
}

func visible(texts []string) (out []string) {
	for _, s := range texts {
		out = append(out, naming.Visible(s))
	}
	return out
}

// explorerGroups returns the subgroups of the test, and the attributes of few values.
func (t *Test) explorerGroups() (out []explorerGroups) {
	known := map[string]bool{"patient": true}
	for _, s := range t.Assessment.Subgroups {
		known[s.By] = true
		g := explorerGroups{By: naming.Visible(s.By), Of: slices.Repeat([]int{-1}, len(t.Predictions.Rows))}
		for k, group := range s.Groups {
			g.Names = append(g.Names, naming.Visible(group.Name))
			for _, i := range group.Members {
				g.Of[i] = k
			}
		}
		out = append(out, g)
	}
	for _, by := range t.Predictions.Attributes {
		values := t.Predictions.Attribute(by)
		names := slices.Compact(slices.Sorted(slices.Values(values)))
		names = slices.DeleteFunc(names, func(s string) bool { return s == "" })
		if known[by] || len(names) < 2 || len(names) > mostGroupNames {
			continue
		}
		g := explorerGroups{By: naming.Visible(by), Names: visible(names)}
		for _, v := range values {
			g.Of = append(g.Of, slices.Index(names, v))
		}
		out = append(out, g)
	}
	return out
}

// thumbnails returns a picture of each image, of the hardest if they are more than a page holds: the more images, the
// smaller their pictures. Those that the page lists as hardest errors are left out.
func (t *Test) thumbnails(hardest []hardError) []template.URL {
	rows := t.Predictions.Rows
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(rows[a].Probabilities[rows[a].Label], rows[b].Probabilities[rows[b].Label])
	})
	order = order[:min(len(order), mostPictures)]
	most := min(thumbnailBytes, picturesBytes/len(order))
	side := min(thumbnailSide, max(leastSide, int(math.Sqrt(4*float64(most))))) // a JPEG takes about 2 bits a pixel
	listed := map[int]bool{}
	for _, e := range hardest {
		listed[e.Row] = true
	}
	out := make([]template.URL, len(rows))
	parallel.Each(0, len(order), func(k int) {
		if i := order[k]; !listed[i] {
			if img, err := t.Open(rows[i].Path); err == nil { // else it has none
				out[i], _ = thumbnail(img, side, most)
			}
		}
	})
	return out
}

// script returns the data for the page. No name in it can end the element that holds it.
func (x *explorer) script() (template.JS, error) {
	text, err := json.Marshal(x) // escapes <, > and &
	return template.JS(text), err
}

// Left returns what the page says of images without a picture.
func (x *explorer) Left() string {
	if n := len(x.Paths); x.Pictures != nil && n > mostPictures {
		return fmt.Sprintf("The page holds pictures of the %d images whose actual class has the lowest probability, of %d.",
			mostPictures, n)
	}
	return ""
}

// TopErrors returns the label errors that the page lists.
func (x *explorer) TopErrors() []labelError { return x.Errors[:min(len(x.Errors), mostLabelRows)] }
