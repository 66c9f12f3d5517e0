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

// Clusters numbers the rows of each patient alike, from 0, where patients have several rows. Else it returns nil.
func (p *Predictions) Clusters() []int32 {
	if s := newPatients(p); s.several() {
		return s.of
	}
	return nil
}

// A Tally counts, for each of some clusters, rows and those of them that hit. It grows row by row, and tells at each time
// what [Predictions.Share] would.
type Tally struct {
	of                  []int32 // the cluster of a row; nil: each is its own
	hits, sizes         []float64
	rows, hit, clusters float64
	hh, hn, nn          float64 // sums over clusters of hits², hits · size and size²
}

// NewTally returns an empty tally of rows in these clusters, as [Predictions.Clusters] numbers them.
func NewTally(of []int32) *Tally {
	t := &Tally{of: of}
	if of != nil {
		n := int(slices.Max(of)) + 1
		t.hits, t.sizes = make([]float64, n), make([]float64, n)
	}
	return t
}

// Add adds a row.
func (t *Tally) Add(row int, hit bool) { t.change(row, 1, hit) }

// Turn makes a row that was added without a hit one with a hit, or the reverse.
func (t *Tally) Turn(row int, hit bool) { t.change(row, 0, hit) }

func (t *Tally) change(row int, size float64, hit bool) {
	by := float64(index(hit))
	if size == 0 && !hit {
		by = -1
	}
	t.rows, t.hit = t.rows+size, t.hit+by
	if t.of == nil {
		return
	}
	k := t.of[row]
	h, n := t.hits[k], t.sizes[k]
	if n == 0 && size > 0 {
		t.clusters++
	}
	t.hits[k], t.sizes[k] = h+by, n+size
	t.hh += (h+by)*(h+by) - h*h
	t.hn += (h+by)*(n+size) - h*n
	t.nn += (n+size)*(n+size) - n*n
}

// EffectiveSize returns how many independent rows tell as much of the fraction of hits: the rows divided by the design
// effect, the variance of the fraction between clusters over that of independent rows (Rao and Scott, 1992). It lies
// between that of rows which are alike within a cluster and their number. It is the former if all rows hit or none does,
// since nothing then shows how alike they are.
func (t *Tally) EffectiveSize() float64 {
	if t.of == nil {
		return t.rows
	}
	share, alike := t.hit/t.rows, t.rows*t.rows/t.nn
	if t.hit == 0 || t.hit == t.rows || t.clusters < 2 {
		return alike
	}
	variance := t.hh - 2*share*t.hn + share*share*t.nn
	variance *= t.clusters / (t.clusters - 1) / (t.rows * t.rows)
	if !(variance > 0) {
		return t.rows
	}
	return min(max(share*(1-share)/variance, alike), t.rows)
}

// Interval returns the interval of the fraction of hits, NaN without a row.
func (t *Tally) Interval(level float64) (low, high float64) {
	return wilson(t.hit/t.rows, t.EffectiveSize(), normalQuantile(level))
}

func (s *patients) share(rows int, counts, hits func(row int) bool, level float64) (low, high float64) {
	t := NewTally(nil)
	if s.several() {
		t = NewTally(s.of)
	}
	for i := range rows {
		if counts(i) {
			t.Add(i, hits(i))
		}
	}
	return t.Interval(level)
}

// studentQuantile returns t such that a Student variable lies within t of 0 with probability level.
func studentQuantile(level, freedom float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}.Quantile((1 + level) / 2)
}
