package board

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"time"

	"fovea/evaluation"
	"fovea/evaluation/figures"
	"fovea/evaluation/report"
	"fovea/internal/naming"
	"fovea/training/config"
)

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	pageStyle string
	// followScript asks a board for its page again, and replaces the parts that have changed.
	//go:embed follow.js
	followScript string

	page = template.Must(template.New("page").Funcs(template.FuncMap{
		"visible": naming.Visible,
		"cell":    cell,
	}).Parse(pageText))
)

// followSum returns the digest by which a browser knows followScript.
func followSum() string {
	sum := sha256.Sum256([]byte(followScript))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// A Row is a run, a table of predictions or a published row of metrics, with its results.
type Row struct {
	Name       string
	Run        *Run                   // nil: this is a file
	Assessment *evaluation.Assessment // nil: there is none
	Published  map[string]float64     // nil: there are none
}

// A Page shows runs beside one another.
type Page struct {
	Title, Subject string
	Rows           []Row
	Written        time.Time
	Live           bool // it asks its server for changes

	Contest       *evaluation.Contest // nil: nothing is tested
	Notes         []string            // of the images that are compared
	Disagreements *Disagreements      // nil: nothing is compared
}

// NewBoard returns the page of runs.
func NewBoard(dir string, runs []*Run, now time.Time) *Page {
	p := &Page{Title: "Runs in " + dir, Subject: fmt.Sprintf("%d runs", len(runs)), Written: now}
	if len(runs) == 1 {
		p.Subject = "1 run"
	}
	digests := map[string]bool{}
	for _, r := range runs {
		p.Rows = append(p.Rows, Row{Name: r.Name, Run: r, Assessment: r.Test.Assessment})
		if r.Test.Assessment != nil && r.Images != "" {
			digests[r.Images] = true
		}
	}
	if len(digests) > 1 {
		p.Notes = append(p.Notes, "Not all runs have the same test images. Compare only metrics of runs that do.")
	}
	return p
}

// Write writes the page. Errors are those of w.
func (p *Page) Write(w io.Writer) error {
	d, err := p.data()
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := page.Execute(&file, d); err != nil {
		return fmt.Errorf("page of runs: %w", err)
	}
	_, err = (&naming.VisibleWriter{Out: w}).Write(file.Bytes())
	return err
}

// pageData holds the data of the template.
type pageData struct {
	*Page
	Style     template.CSS
	Follow    template.JS
	FollowSum string
	Settings  []config.Setting
	Measures  []string // names
	Titles    []string // of Measures
	Table     []tableRow
	Curves    []curve
	Hidden    int // runs without a curve
	Sentences []string
	Level     string
	Alpha     string // 1 less the level
	Problems  []string
}

type tableRow struct {
	Name, Status, Time, Device string
	Settings                   []string
	Measures                   []evaluation.Estimate
}

type curve struct {
	Title  string
	Source template.URL
}

// shownMeasures are the columns of the table, those that a run has.
var shownMeasures = []string{"roc_auc", "accuracy", "recall_positive", "specificity_positive", "f1", "kappa",
	"quadratic_kappa"}

func (p *Page) data() (*pageData, error) {
	d := &pageData{Page: p, Style: report.Style() + template.CSS(pageStyle), Level: "95 %", Alpha: "0.05"}
	if p.Live {
		d.Follow, d.FollowSum = template.JS(followScript), followSum()
	}
	configs := make([]*config.Config, len(p.Rows))
	classes := 0
	for i, r := range p.Rows {
		if r.Run != nil && r.Run.Config != nil {
			configs[i] = r.Run.Config.Portable()
		}
		if r.Run != nil && r.Run.Problem != "" {
			d.Problems = append(d.Problems, r.Name+": "+r.Run.Problem)
		}
		if a := r.Assessment; a != nil {
			classes = max(classes, len(a.Classes))
			d.Level = fmt.Sprintf("%v %%", math.Round(1e4*a.Level)/100)
			d.Alpha = fmt.Sprint(math.Round(1e4*(1-a.Level)) / 1e4)
		}
	}
	d.Settings = config.Differing(configs, "name", "output.dir")
	for _, name := range shownMeasures {
		if slices.ContainsFunc(p.Rows, func(r Row) bool { _, ok := r.estimate(name); return ok }) {
			d.Measures, d.Titles = append(d.Measures, name), append(d.Titles, report.Title(name, classes))
		}
	}
	for i, r := range p.Rows {
		row := tableRow{Name: r.Name}
		for _, s := range d.Settings {
			row.Settings = append(row.Settings, s.Values[i])
		}
		for _, name := range d.Measures {
			e, _ := r.estimate(name)
			row.Measures = append(row.Measures, e)
		}
		if r.Run != nil {
			row.Status, row.Device = r.Run.status(p.Written), r.Run.Device()
			if r.Run.Took > 0 {
				row.Time = r.Run.Took.Round(time.Second).String()
			}
		} else if r.Published != nil {
			row.Status = "published, without intervals and tests"
		} else {
			row.Status = "table of predictions"
		}
		d.Table = append(d.Table, row)
	}
	if p.Contest != nil {
		for _, pair := range p.Contest.Pairs {
			d.Sentences = append(d.Sentences, pair.Sentence(len(p.Contest.Pairs) > 1))
		}
	}
	return d, d.draw()
}

// estimate returns a measure of the row, and whether it is worth a column.
func (r Row) estimate(name string) (evaluation.Estimate, bool) {
	var measures []evaluation.Estimate
	if r.Assessment != nil {
		measures = r.Assessment.Measures
	}
	e, ok := evaluation.Find(measures, name)
	if v, published := r.Published[name]; published && !ok {
		e.Value, ok = evaluation.Number(v), name != "quadratic_kappa"
	}
	return e, ok && (r.Assessment == nil || r.Assessment.Headlined(name))
}

// status says how far a run is.
func (r *Run) status(now time.Time) string {
	done, all := len(r.History), 0
	if r.Config != nil {
		all = r.Config.Schedule.Epochs
	}
	switch {
	case r.Status == report.Finished:
		return fmt.Sprintf("finished, %d epochs", done)
	case done == 0 && r.Status == report.Running:
		return fmt.Sprintf("in progress: epoch 1 of %d", all)
	case done == 0:
		return fmt.Sprintf("stopped in epoch 1 of %d", all)
	}
	last := r.History[done-1]
	text := fmt.Sprintf("training loss %.3f, validation loss %.3f, validation AUC %.3f", last.TrainLoss, last.Val.Loss,
		last.Val.ROCAUC)
	if r.Status != report.Running {
		return fmt.Sprintf("stopped after epoch %d of %d: %s", done, all, text)
	}
	out := fmt.Sprintf("in progress: epoch %d of %d done, %s", done, all, text)
	if left := r.Left(now); left > 0 {
		out += ", about " + left.Round(time.Second).String() + " left"
	}
	return out
}

// mostCurves are told apart by colour.
const mostCurves = 14

// ShownCurves returns how many runs are drawn if not all are.
func (d *pageData) ShownCurves() int { return mostCurves }

// draw draws the courses of all runs over each other.
func (d *pageData) draw() error {
	var runs []Row
	for _, r := range d.Rows {
		if r.Run != nil && len(r.Run.History) > 0 {
			runs = append(runs, r)
		}
	}
	d.Hidden = max(0, len(runs)-mostCurves)
	runs = runs[d.Hidden:]
	if len(runs) == 0 {
		return nil
	}
	for _, c := range []struct {
		title, unit string
		of          func(Epoch) float64
	}{
		{"Training loss", "loss", func(e Epoch) float64 { return e.TrainLoss }},
		{"Validation loss", "loss", func(e Epoch) float64 { return e.Val.Loss }},
		{"Validation AUC", "AUC", func(e Epoch) float64 { return e.Val.ROCAUC }},
		{"Validation accuracy", "accuracy", func(e Epoch) float64 { return e.Val.Accuracy }},
	} {
		var series []figures.Series
		for _, r := range runs {
			s := figures.Series{Name: r.Name}
			for _, e := range r.Run.History {
				s.Values = append(s.Values, c.of(e))
			}
			series = append(series, s)
		}
		var svg bytes.Buffer
		if err := figures.Course(series, -1, c.unit, c.title).WriteSVG(&svg); err != nil {
			return err
		}
		d.Curves = append(d.Curves, curve{c.title, report.DataURL("image/svg+xml", svg.Bytes())})
	}
	return nil
}

// cell returns a measure with its interval.
func cell(e evaluation.Estimate) template.HTML {
	if math.IsNaN(float64(e.Value)) {
		return `<span class="none">n/a</span>`
	}
	out := fmt.Sprintf("%.3f", e.Value)
	if !math.IsNaN(float64(e.Low)) && !math.IsNaN(float64(e.High)) {
		out += fmt.Sprintf("<br> <small>%.3f to %.3f</small>", e.Low, e.High)
	}
	return template.HTML(out)
}
