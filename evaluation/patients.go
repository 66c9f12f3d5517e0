package evaluation

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"fovea/internal/table"
)

// Attributes that tell which images are of one patient, and of which eye.
const (
	patientAttribute = "patient"
	eyeAttribute     = "eye"
)

// Attribute returns the values of an attribute by row, with "" where it is not known, or nil if no row has it.
func (p *Predictions) Attribute(name string) []string {
	at := slices.Index(p.Attributes, name)
	if at < 0 {
		return nil
	}
	out, known := make([]string, len(p.Rows)), false
	for i, r := range p.Rows {
		if at < len(r.Attributes) && !table.Missing(r.Attributes[at]) {
			out[i], known = strings.TrimSpace(r.Attributes[at]), true
		}
	}
	if !known {
		return nil
	}
	return out
}

// A patients value groups rows by patient. A row whose patient is not known is a patient of its own.
type patients struct {
	of      []int32   // the patient of each row
	rows    [][]int32 // of each patient
	unknown int       // rows without a patient
}

// newPatients returns nil if no row has a patient.
func newPatients(p *Predictions) *patients {
	names := p.Attribute(patientAttribute)
	if names == nil {
		return nil
	}
	s := &patients{of: make([]int32, len(names))}
	numbers := map[string]int32{}
	for i, name := range names {
		k, ok := numbers[name]
		if !ok || name == "" {
			k = int32(len(s.rows))
			s.rows = append(s.rows, nil)
		}
		if name == "" {
			s.unknown++
		} else {
			numbers[name] = k
		}
		s.of[i], s.rows[k] = k, append(s.rows[k], int32(i))
	}
	return s
}

// several reports whether a patient has more than one row. Else rows are independent, as without patients.
func (s *patients) several() bool { return s != nil && len(s.rows) < len(s.of) }

// count returns the number of patients of some rows, or of rows if patients are not known.
func (s *patients) count(rows []int32) int {
	if s == nil {
		return len(rows)
	}
	seen := map[int32]bool{}
	for _, i := range rows {
		seen[s.of[i]] = true
	}
	return len(seen)
}

// warning returns what to know of rows without a patient, "" if there is none.
func (s *patients) warning() string {
	if s == nil || s.unknown == 0 {
		return ""
	}
	return fmt.Sprintf("the patient of %d of %d images is not known: each of them counts as a patient of its own, "+
		"which makes intervals too narrow if some are of one patient", s.unknown, len(s.of))
}

// A drawing lists what a round of the bootstrap draws: from each stratum as many units as it has, with replacement.
type drawing struct {
	size   int       // rows
	strata [][]int32 // units
	rows   [][]int32 // of each unit; nil: a unit is a row
}

// newDrawing returns the drawing of rows, each of which lies in a cell, which may be its class. Without patients, or
// with one row each, a stratum holds the rows of a cell. Else patients are drawn, each from the stratum of the rarest
// cell among its rows, counted by patients. So no cell can disappear: should all patients of one have a rarer cell,
// then the stratum with most of them is divided into those that have it and those that have not.
func newDrawing(s *patients, cell []int, cells int) *drawing {
	d := &drawing{size: len(cell), strata: make([][]int32, cells)}
	if !s.several() {
		for i, c := range cell {
			d.strata[c] = append(d.strata[c], int32(i))
		}
		return d
	}
	d.rows = s.rows
	has := make([][]bool, len(s.rows)) // whether a patient has a cell
	count := make([]int, cells)        // patients
	for k, rows := range s.rows {
		has[k] = make([]bool, cells)
		for _, i := range rows {
			if c := cell[i]; !has[k][c] {
				has[k][c] = true
				count[c]++
			}
		}
	}
	for k := range s.rows {
		rarest := -1
		for c, ok := range has[k] {
			if ok && (rarest < 0 || count[c] < count[rarest]) {
				rarest = c
			}
		}
		d.strata[rarest] = append(d.strata[rarest], int32(k))
	}
	for c := range cells {
		if len(d.strata[c]) > 0 || count[c] == 0 {
			continue
		}
		var best, with, without = 0, []int32(nil), []int32(nil)
		for i, stratum := range d.strata {
			var in, out []int32
			for _, k := range stratum {
				if has[k][c] {
					in = append(in, k)
				} else {
					out = append(out, k)
				}
			}
			if len(in) > len(with) {
				best, with, without = i, in, out
			}
		}
		if len(without) > 0 {
			d.strata[best], d.strata[c] = without, with
		}
	}
	return d
}

// effectiveSize returns how many independent rows tell as much of the fraction of hits among n rows as these do: n
// divided by the design effect, the variance of the fraction between patients over that of independent rows (Rao and
// Scott, 1992). It lies between that of rows which are alike within a patient, and n. It is the former if all rows hit
// or none does, since nothing then shows how alike they are. hits and sizes are of each patient.
func effectiveSize(hits, sizes []float64) (size float64) {
	var h, n, squares, patients float64
	for k, size := range sizes {
		h, n, squares = h+hits[k], n+size, squares+size*size
		if size > 0 {
			patients++
		}
	}
	alike := n * n / squares
	share := h / n
	if h == 0 || h == n || patients < 2 {
		return alike
	}
	var variance float64
	for k, size := range sizes {
		r := hits[k] - share*size
		variance += r * r
	}
	variance *= patients / (patients - 1) / (n * n)
	return min(max(share*(1-share)/variance, alike), n)
}

// share returns the interval of the fraction of rows that hit among those that count, and its method.
func (s *sample) share(counts, hits func(row int) bool, level float64) (low, high float64, method string) {
	low, high = s.patients.share(len(s.truth), counts, hits, level)
	return low, high, s.method(WilsonScore)
}

// Share returns the interval of the fraction of p's rows that hit among those that count, by [Wilson] or, with several
// rows a patient, by Wilson with the effective number of rows (Saha, Miller and Wang, 2016). It is NaN if none counts.
func (p *Predictions) Share(counts, hits func(row int) bool, level float64) (low, high float64) {
	return newPatients(p).share(len(p.Rows), counts, hits, level)
}

// EffectiveRows returns how many independent rows tell as much of the fraction that hits among those that count: their
// number, or with several rows a patient what the interval of [Predictions.Share] is computed with.
func (p *Predictions) EffectiveRows(counts, hits func(row int) bool) float64 {
	s := newPatients(p)
	if s.several() {
		return effectiveSize(s.tally(len(p.Rows), counts, hits))
	}
	n := 0
	for i := range p.Rows {
		n += index(counts(i))
	}
	return float64(n)
}

// MethodOf returns the name of a method of intervals, with " by patient" behind it where patients have several rows.
func (p *Predictions) MethodOf(name string) string {
	if newPatients(p).several() {
		return name + byPatient
	}
	return name
}

func (s *patients) share(rows int, counts, hits func(row int) bool, level float64) (low, high float64) {
	if !s.several() {
		var h, n int64
		for i := range rows {
			if counts(i) {
				n++
				if hits(i) {
					h++
				}
			}
		}
		return Wilson(h, n, level)
	}
	hit, of := s.tally(rows, counts, hits)
	return clusteredWilson(hit, of, level)
}

// tally returns how many rows of each patient hit, of those that count, and how many count.
func (s *patients) tally(rows int, counts, hits func(row int) bool) (hit, of []float64) {
	hit, of = make([]float64, len(s.rows)), make([]float64, len(s.rows))
	for i := range rows {
		if counts(i) {
			of[s.of[i]]++
			if hits(i) {
				hit[s.of[i]]++
			}
		}
	}
	return hit, of
}

// clusteredWilson returns the interval of a fraction from the hits and the rows of each patient, NaN without a row.
func clusteredWilson(hits, sizes []float64, level float64) (low, high float64) {
	var h, n float64
	for k := range sizes {
		h, n = h+hits[k], n+sizes[k]
	}
	return wilson(h/n, effectiveSize(hits, sizes), normalQuantile(level))
}

// studentQuantile returns t such that a Student variable lies within t of 0 with probability level.
func studentQuantile(level, freedom float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}.Quantile((1 + level) / 2)
}
