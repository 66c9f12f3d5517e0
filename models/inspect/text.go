package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"fovea/internal/naming"
	"fovea/internal/numbers"
)

// WriteJSON writes the whole report. It lists single nodes and tensors only if list is set.
func (r *Report) WriteJSON(w io.Writer, list bool) error {
	out := *r
	switch {
	case list:
	case r.Model != nil:
		m := *r.Model
		m.List, m.Tensors, out.Model = nil, nil, &m
	default:
		m := *r.Weights
		m.Tensors, out.Weights = nil, &m
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(out)
}

// WriteText writes the report for a reader.
func (r *Report) WriteText(w io.Writer, list bool) error {
	p := printer{}
	p.line("%s: %s, %s", r.Path, r.Format, size(r.Bytes))
	if r.Model != nil {
		p.model(r.Model, list)
	} else {
		p.weights(r.Weights, list)
	}
	_, err := w.Write(p.Bytes())
	return err
}

type printer struct{ bytes.Buffer }

func (p *printer) line(format string, args ...any) {
	p.WriteString(naming.Visible(fmt.Sprintf(format, args...)) + "\n")
}

// field prints a line whose first column has the width of the longest name.
func (p *printer) field(name, format string, args ...any) {
	p.line("%-15s %s", name, fmt.Sprintf(format, args...))
}

// table aligns rows, whose columns are separated by tabs.
func (p *printer) table(rows []string) {
	var aligned bytes.Buffer
	t := tabwriter.NewWriter(&aligned, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		cells := strings.Split(row, "\t")
		for i, cell := range cells {
			cells[i] = naming.Visible(cell)
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	t.Flush()
	for line := range strings.Lines(aligned.String()) {
		p.line("%s", strings.TrimRight(line, " \n"))
	}
}

func (p *printer) metadata(entries map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		text := strings.TrimSpace(entries[key])
		var list []any
		if json.Unmarshal([]byte(text), &list) == nil {
			parts := make([]string, len(list))
			for i, x := range list {
				parts[i] = fmt.Sprint(x)
			}
			text = strings.Join(parts, ", ")
		}
		if n := strings.Count(text, "\n"); n > 0 {
			text = fmt.Sprintf("(%d lines)", n+1)
		}
		const most = 200
		if all := []rune(text); len(all) > most {
			text = fmt.Sprintf("%s… (%d characters)", string(all[:most]), len(all))
		}
		p.line("  %-22s %s", key, text)
	}
}

func (p *printer) model(m *Model, list bool) {
	p.field("producer", "%s", m.Producer)
	var opsets []string
	for _, domain := range slices.Sorted(maps.Keys(m.Opsets)) {
		opsets = append(opsets, strings.TrimSpace(fmt.Sprintf("%s %d", domain, m.Opsets[domain])))
	}
	p.field("format", "IR version %d, opset %s", m.IR, strings.Join(opsets, ", "))
	for _, location := range slices.Sorted(maps.Keys(m.External)) {
		p.field("external data", "%s, %s", location, size(m.External[location]))
	}
	p.few("input", m.Inputs, list)
	p.few("output", m.Outputs, list)
	if len(m.Metadata) > 0 {
		p.line("metadata")
		p.metadata(m.Metadata)
	}
	nodes := fmt.Sprint(m.Nodes)
	if m.InnerNodes > 0 {
		nodes += fmt.Sprintf(", and %d in functions, branches and loops", m.InnerNodes)
	}
	p.field("nodes", "%s", nodes)
	p.field("parameters", "%s", m.Parameters)
	if m.Statistics.Tensors > 0 {
		p.field("  of which", "%s: means and variances of BatchNormalization", m.Statistics)
	}
	p.field("constants", "%s", m.Constants)
	if m.Measured != nil {
		p.measured(m.Measured)
	} else if m.Unmeasured != "" {
		p.field("not measured", "%s", m.Unmeasured)
	}
	p.line("")
	p.operators(m)
	if list {
		p.line("")
		p.nodes(m.List)
		p.values(m.Tensors)
	}
}

// few writes the first values of a list, or all.
func (p *printer) few(name string, values []Value, all bool) {
	const most = 12
	for i, v := range values {
		if i == most && !all && len(values) > most+1 {
			p.field("", "and %d more", len(values)-most)
			break
		}
		p.field(name, "%s", v)
	}
}

func (p *printer) measured(m *Measured) {
	p.line("one run of forward")
	p.few("  with", m.Inputs, false)
	p.field("  nodes", "%d, without those that only work on shapes and constants", m.Nodes)
	p.field("  multiply-adds", "%s, so %s FLOPs: of matrix products, convolutions and recurrent layers",
		short(m.MultiplyAdds),
		short(m.FLOPs))
	for _, op := range slices.Sorted(maps.Keys(m.Uncounted)) {
		p.field("  not counted", "%d nodes of %s", m.Uncounted[op], op)
	}
	p.field("  values", "%s in all, without parameters; at most %s at once, at node %s", size(m.ValuesSum),
		size(m.ValuesPeak), m.PeakAt)
	if m.NoGradient != "" {
		p.field("  no gradient", "%s", m.NoGradient)
	} else {
		p.field("  gradients", "of %s; backward reads %s of the values", m.Trainable, size(m.Kept))
	}
	c := m.Classifier
	if c == nil {
		p.field("as model.onnx", "not trainable: %s", m.NoClassifier)
		return
	}
	p.field("as model.onnx", "images %q of %d×%[2]d pixels; a new head replaces %q, %d features → %d scores", c.Images,
		c.Size, c.Head, c.Width, c.Scores)
	for _, reason := range slices.Sorted(maps.Keys(c.Fixed)) {
		p.field("  not trained", "%s: %s", c.Fixed[reason], reason)
	}
}

func (p *printer) operators(m *Model) {
	rows := []string{"operator\tnodes\tgradient\tparameters\tmultiply-adds"}
	total := int64(0)
	if m.Measured != nil {
		total = m.Measured.MultiplyAdds
	}
	for _, o := range m.Operators {
		rows = append(rows, fmt.Sprintf("%s\t%d\t%s\t%s\t%s", o.title(), o.Count, o.Gradient,
			share(o.Parameters, m.Parameters.Elements), share(o.MultiplyAdds, total)))
	}
	p.table(rows)
}

func (p *printer) nodes(nodes []Node) {
	rows := []string{"node\toperator\tresult\tparameters\tmultiply-adds"}
	for _, n := range nodes {
		var results []string
		for _, v := range n.Outputs {
			switch {
			case v.Type != "":
				results = append(results, v.String())
			case v.Name != "":
				results = append(results, v.Name)
			}
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s", n.Name, n.Op, strings.Join(results, ", "),
			count(n.Parameters), count(n.MultiplyAdds)))
	}
	p.table(rows)
}

func (p *printer) weights(w *Weights, list bool) {
	var types []string
	for _, t := range w.types() {
		types = append(types, fmt.Sprintf("%d %s", w.Types[t], t))
	}
	p.field("tensors", "%s: %s", w.Total, strings.Join(types, ", "))
	if len(w.Metadata) > 0 {
		p.line("metadata")
		p.metadata(w.Metadata)
	}
	for _, a := range w.Architectures {
		if a.Known != "" {
			p.field("known", "%s", a.Known)
		}
		p.field("loads into", "%s: %s", a.Settings, a.summary())
	}
	switch {
	case w.Architectures == nil:
		p.field("loads into", "no Vision Transformer that a config can describe: %s", w.Unloadable)
	case w.Trained != nil:
		p.field("as -model", "%s", w.Trained.summary())
	default:
		p.field("as -model", "no: %s", w.Untrained)
	}
	p.line("")
	rows := []string{"prefix\ttensors\telements\tsize"}
	for _, x := range w.Prefixes {
		rows = append(rows, fmt.Sprintf("%s\t%d\t%s\t%s", x.Prefix, x.Tensors, count(x.Elements), size(x.Bytes)))
	}
	p.table(rows)
	if list {
		p.values(w.Tensors)
	}
}

func (p *printer) values(list []Value) {
	p.line("")
	for _, v := range list {
		p.line("%s", v)
	}
}

func (t Tally) String() string {
	tensors := "tensors"
	if t.Tensors == 1 {
		tensors = "tensor"
	}
	return fmt.Sprintf("%s in %d %s, %s", numbers.Thousands(int(t.Elements)), t.Tensors, tensors, size(t.Bytes))
}

// share writes a number with its part of all in percent, and 0 as nothing.
func share(n, all int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s (%.1f %%)", numbers.Thousands(int(n)), 100*float64(n)/float64(all))
}

// count writes a number, and 0 as nothing.
func count(n int64) string {
	if n == 0 {
		return ""
	}
	return numbers.Thousands(int(n))
}

// size writes a number of bytes in units of 1000.
func size(bytes int64) string {
	text := short(bytes)
	number := strings.TrimRight(text, "KMGT")
	return number + " " + strings.Replace(text[len(number):], "K", "k", 1) + "B"
}

// short writes a number in three or four digits, with K, M, G or T for powers of 1000.
func short(n int64) string {
	x, unit := float64(n), 0
	for x >= 999.5 && unit < 4 {
		x /= 1000
		unit++
	}
	switch {
	case unit == 0:
		return fmt.Sprint(n)
	case x < 9.995:
		return fmt.Sprintf("%.2f", x) + " KMGT"[unit:unit+1]
	case x < 99.95:
		return fmt.Sprintf("%.1f", x) + " KMGT"[unit:unit+1]
	}
	return fmt.Sprintf("%.0f", x) + " KMGT"[unit:unit+1]
}
