package report

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"path"
	"time"

	"fovea/evaluation"
	"fovea/evaluation/figures"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"percent": percent,
	"decimal": decimal,
	"slug":    func(i int) string { return fmt.Sprintf("figure-%d", i+1) },
}).Parse(pageText))

// Write writes a page. Errors are those of w, and of predictions that cannot be
// evaluated.
func Write(w io.Writer, r *Report) error {
	p, err := r.page()
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	// To memory first: a page that cannot be made is not written half.
	var file bytes.Buffer
	if err := page.Execute(&file, p); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if _, err := w.Write(file.Bytes()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// content is what the template shows.
type content struct {
	*Report
	Style    template.CSS
	Verdict  verdict
	Metrics  []metricRow
	Rows     []evaluation.ClassMetrics
	Pictures []shownPicture
	Hardest  []hardError
	Table    [][]int // images by class and split
	Totals   []int
	Leaks    []Repeat
	Leaky    int // in all
	Wrong    []Repeat
	Wrongs   int
	Within   int // repeats of one split and one class
	Duration string
}

type metricRow struct {
	Name, Means string
	Value       float64
	Interval    *figures.Interval
}

type shownPicture struct {
	Picture
	Source template.URL
	Wide   bool
}

type hardError struct {
	Name, Path, Actual, Predicted string
	ActualProbability             float64
	Probability                   float64
	Source                        template.URL // empty: the image could not be read
}

// mostGroups of repeats are listed.
const mostGroups = 20

func (r *Report) page() (*content, error) {
	if len(r.Classes) == 0 || len(r.Splits) == 0 {
		return nil, errors.New("there are no classes or no splits")
	}
	c := &content{Report: r, Style: template.CSS(pageStyle), Duration: r.Took.Round(time.Second).String()}
	var err error
	if c.Verdict, err = r.verdict(); err != nil {
		return nil, err
	}
	pictures, err := r.Pictures()
	if err != nil {
		return nil, err
	}
	for _, p := range pictures {
		var svg bytes.Buffer
		if err := p.Figure.WriteSVG(&svg); err != nil {
			return nil, err
		}
		width, _ := p.Figure.Size()
		c.Pictures = append(c.Pictures, shownPicture{p, dataURL("image/svg+xml", svg.Bytes()), width > 300})
	}
	if r.Test != nil {
		if c.Rows, err = evaluation.PerClass(r.Test.Predictions); err != nil {
			return nil, err
		}
		c.Metrics = r.Test.rows()
		c.Hardest = r.hardErrors()
	}
	c.Totals = make([]int, len(r.Splits))
	for i := range r.Classes {
		row := make([]int, len(r.Splits))
		for s, split := range r.Splits {
			row[s] = split.Counts[i]
			c.Totals[s] += split.Counts[i]
		}
		c.Table = append(c.Table, row)
	}
	if r.Repeats != nil {
		c.Leaks, c.Wrong = r.Repeats.leaks(), r.Repeats.contradictions()
		c.Leaky, c.Wrongs = len(c.Leaks), len(c.Wrong)
		c.Leaks, c.Wrong = c.Leaks[:min(mostGroups, c.Leaky)], c.Wrong[:min(mostGroups, c.Wrongs)]
		for _, g := range r.Repeats.Groups {
			one := &Repeats{Groups: []Repeat{g}}
			if len(one.leaks()) == 0 && len(one.contradictions()) == 0 {
				c.Within++
			}
		}
	}
	return c, nil
}

func (r *Report) hardErrors() []hardError {
	var out []hardError
	if r.Test.Open == nil {
		return nil
	}
	for _, x := range r.Test.hardest() {
		k := x.Predicted()
		e := hardError{Name: path.Base(x.Path), Path: x.Path, Actual: r.Classes[x.Label], Predicted: r.Classes[k],
			ActualProbability: x.Probabilities[x.Label], Probability: x.Probabilities[k]}
		if img, err := r.Test.Open(x.Path); err == nil {
			e.Source, _ = thumbnail(img) // without it the page says so
		}
		out = append(out, e)
	}
	return out
}
