package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"fovea/evaluation"
	"fovea/internal/naming"
	"fovea/internal/webstyle"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// followScript loads the page of a run under way again, if its reader asks for that.
//
//go:embed follow.js
var followScript string

// exploreScript shows the images of a test behind the parts of figures.
//
//go:embed explore.js
var exploreScript string

// Style returns the CSS of all pages that look as a report does.
func Style() template.CSS { return template.CSS(webstyle.Colours + pageStyle) }

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"add":      func(a, b int64) int64 { return a + b },
	"decimal":  decimal,
	"decimals": func(x evaluation.Number) string { return decimal(float64(x)) },
	"share":    func(x evaluation.Number) string { return share(float64(x)) },
	"value":    func(e evaluation.Estimate) template.HTML { return cell(e, 3) },
	"rough":    func(e evaluation.Estimate) template.HTML { return cell(e, 2) },
	"visible":  naming.Visible,
	"round":    func(d time.Duration) string { return d.Round(time.Second).String() },
	"slug":     slug,
	"inc":      func(i int) int { return i + 1 },
	"tenth":    func(i int) string { return fmt.Sprintf("%.1f", float64(i)/bins) },
}).Parse(pageText))

// slug returns the id of a figure of the page.
func slug(i int) string { return fmt.Sprintf("figure-%d", i+1) }

// Write writes a page. Errors are those of w, and of predictions that cannot be evaluated.
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
	if _, err := (&naming.VisibleWriter{Out: w}).Write(file.Bytes()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// pageData holds the data of the template.
type pageData struct {
	*Report
	Style     template.CSS
	Scripts   []pageScript
	Explorer  *explorer   // nil: nothing was tested, or too many images for a page
	Cases     template.JS // its data
	Bins      []int
	Verdict   verdict
	Level     string // of the intervals
	Units     string // what was assessed: "Images"
	Metrics   []metricRow
	Unmoved   bool // some interval has no width
	Columns   []struct{ Title, Name string }
	Operating []operatingTable
	Rows      []classRow
	Pictures  []shownPicture
	Hardest   []hardError
	Table     [][]int // images by class and split
	Totals    []int
	Leaks     []Repeat
	Leaky     int // in all
	Wrong     []Repeat
	Wrongs    int
	Within    int // repeats of one split and one class
}

type pageScript struct {
	Text template.JS
	Sum  string // by which the browser knows it
}

// allow adds a script to the page.
func (c *pageData) allow(script string) {
	sum := sha256.Sum256([]byte(script))
	c.Scripts = append(c.Scripts, pageScript{template.JS(script), base64.StdEncoding.EncodeToString(sum[:])})
}

type shownPicture struct {
	Picture
	Source template.URL
	Wide   bool
}

type hardError struct {
	Row                           int // of the predictions
	Name, Path, Actual, Predicted string
	ActualProbability             float64
	Probability                   float64
	Source                        template.URL // empty: not shown
	Unread                        bool         // because it could not be read
}

// mostGroups of repeats are listed.
const mostGroups = 20

func (r *Report) page() (*pageData, error) {
	if len(r.Classes) == 0 || len(r.Splits) == 0 {
		return nil, errors.New("there are no classes or no splits")
	}
	c := &pageData{Report: r, Style: Style(), Columns: classColumns}
	if r.Run != nil && r.Run.Status == Running {
		c.allow(followScript)
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
		c.Pictures = append(c.Pictures, shownPicture{p, DataURL("image/svg+xml", svg.Bytes()), width > 300})
	}
	c.Verdict = r.verdict()
	if t := r.Test; t != nil {
		c.Metrics, c.Rows, c.Hardest = t.rows(), t.classRows(), t.hardErrors()
		if c.Explorer = t.explorer(pictures, c.Hardest); c.Explorer != nil {
			if c.Cases, err = c.Explorer.script(); err != nil {
				return nil, err
			}
			c.allow(exploreScript)
			for i := range bins {
				c.Bins = append(c.Bins, i)
			}
		}
		c.Level, c.Operating = t.percentLevel(), t.operating()
		many := t.Assessment.Unit.Several()
		c.Units = strings.ToUpper(many[:1]) + many[1:]
		c.Unmoved = slices.ContainsFunc(c.Metrics, metricRow.unmoved) || slices.ContainsFunc(c.Rows, func(k classRow) bool {
			return slices.ContainsFunc(k.Cells, metricRow.unmoved)
		})
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
