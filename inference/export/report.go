package export

import (
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"

	"fovea/evaluation"
	"fovea/graphs/deploy"
	"fovea/inference"
	"fovea/internal/machine"
	"fovea/internal/naming"
	"fovea/onnx/ort"
)

// Report is the content of ReportFile: what was written and measured.
type Report struct {
	Model    string     `json:"model"`
	Classes  []string   `json:"classes"`
	Data     string     `json:"data,omitempty"`
	Split    string     `json:"split,omitempty"`
	Images   int        `json:"images,omitempty"` // of the split that were measured
	Batch    int        `json:"batch,omitempty"`  // images of a batch that was timed
	Machine  Machine    `json:"machine"`
	Source   *Measured  `json:"source,omitempty"` // the model that was exported
	Variants []*Variant `json:"variants"`
}

// Machine is where times were measured.
type Machine struct {
	System    string `json:"system"`
	Processor string `json:"processor"`
	Provider  string `json:"provider"`
	Threads   int    `json:"threads"`
	Runtime   string `json:"onnxruntime"`
}

// Variant is a model file.
type Variant struct {
	Name      string            `json:"name"`
	Raw       bool              `json:"raw"` // takes the image as it was decoded
	File      string            `json:"file"`
	Bytes     int64             `json:"bytes"`
	SHA256    string            `json:"sha256"`
	Opset     int64             `json:"opset"`
	Input     string            `json:"input"`
	Outputs   []string          `json:"outputs"`
	Quantized *deploy.Quantized `json:"quantized,omitempty"`
	Noise     float64           `json:"largest_difference_on_noise"` // of a probability, to the model that was exported
	Measured  *Measured         `json:"measured,omitempty"`
	Warnings  []string          `json:"warnings,omitempty"`
}

// Measured is what the images of a split told.
type Measured struct {
	Assessment *evaluation.Assessment `json:"assessment"`
	Paired     *evaluation.Paired     `json:"paired,omitempty"` // with the model that was exported as A
	Largest    float64                `json:"largest_difference"`
	Changed    int                    `json:"changed_predictions"`
	Alone      float64                `json:"milliseconds_an_image_alone"`    // median
	Batched    float64                `json:"milliseconds_an_image_in_batch"` // median; 0 for raw images, which come alone

	predictions *evaluation.Predictions
}

func newReport(o Options, d *inference.Description, options ort.Options) *Report {
	return &Report{Model: o.Model, Classes: d.Classes, Machine: Machine{
		System: runtime.GOOS + "/" + runtime.GOARCH, Processor: machine.Processor(), Provider: options.Provider,
		Threads: options.Threads, Runtime: ort.Version()}}
}

func (r *Report) writeJSON(w io.Writer) error {
	shared := *r
	shared.Model, shared.Data = naming.Portable(r.Model), naming.Portable(r.Data)
	return evaluation.WriteJSON(w, &shared)
}

func difference(p *evaluation.Paired, name string) evaluation.Difference {
	for _, d := range p.Measures {
		if d.Name == name {
			return d
		}
	}
	return evaluation.Difference{Name: name}
}

// WriteText writes a line a variant.
func (r *Report) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if r.Source == nil {
		fmt.Fprintln(t, "file\tMB\topset\tlargest difference on noise")
		for _, v := range r.Variants {
			fmt.Fprintf(t, "%s\t%.2f\t%d\t%.1e\n", v.File, megabytes(v.Bytes), v.Opset, v.Noise)
		}
		return t.Flush()
	}
	fmt.Fprintf(t, "file\tMB\taccuracy\tdifference\troc_auc\t%s\tlog loss\tlargest Δp\tchanged\tms alone\tms in batch\n",
		r.Kappa())
	for _, v := range r.Variants {
		m := v.Measured
		a := func(name string) evaluation.Number {
			e, _ := evaluation.Find(m.Assessment.Measures, name)
			return e.Value
		}
		d := difference(m.Paired, "accuracy")
		fmt.Fprintf(t, "%s\t%.2f\t%.4f\t%s [%s, %s]\t%.4f\t%.4f\t%.4f\t%.1e\t%d\t%.2f\t%s\n", v.File, megabytes(v.Bytes),
			a("accuracy"), signed(d.Difference), signed(d.Low), signed(d.High), a("roc_auc"), a(m.kappa()), a("val_loss"),
			m.Largest, m.Changed, m.Alone, m.batched())
	}
	return t.Flush()
}

// Kappa returns the heading of the kappa that counts: of grades kappa², the quadratic one.
func (r *Report) Kappa() string {
	if r.Source != nil && r.Source.Assessment.Ordered {
		return "kappa²"
	}
	return "kappa"
}

// batched returns the time in a batch, or a dash.
func (m *Measured) batched() string {
	if m.Batched == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", m.Batched)
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }
