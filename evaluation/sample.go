package evaluation

import (
	"math"
	"slices"
	"sort"
)

const calibrationBins = 15 // Guo et al. (2017)

// A sample is a table of predictions, sorted once so that it can be measured many times with other weights. It takes 16
// bytes a row and class (8 for two classes) and 40 a row beside the table.
type sample struct {
	classes  int
	truth    []uint16
	byClass  [][]int32 // the rows of each class
	guess    []uint16  // predicted class
	loss     []float64 // a row's share of the means
	brier    []float64
	top      []float64 // the largest probability
	bin      []uint8   // of top
	rankings [][]entry // one a class
	pooled   []entry   // of all rows and classes together, class 1 where it is the row's; nil without pool
	bands    int       // curves whose heights are measured too
	patients *patients // nil: not known
}

// newSample prepares p, which must pass [Predictions.Check], for all measures but the micro averages of rankings.
func newSample(p *Predictions) *sample {
	n, classes := len(p.Rows), len(p.Classes)
	s := &sample{classes: classes, truth: make([]uint16, n), guess: make([]uint16, n), byClass: make([][]int32, classes),
		loss: make([]float64, n), brier: make([]float64, n), top: make([]float64, n), bin: make([]uint8, n),
		rankings: make([][]entry, classes), patients: newPatients(p)}
	half := 1.0
	if classes == 2 {
		half = 0.5
	}
	for i, r := range p.Rows {
		best := r.Predicted()
		s.truth[i], s.guess[i], s.top[i] = uint16(r.Label), uint16(best), r.Probabilities[best]
		s.byClass[r.Label] = append(s.byClass[r.Label], int32(i))
		s.loss[i] = rowLoss(r)
		s.bin[i] = calibrationBin(s.top[i])
		for c, v := range r.Probabilities {
			if c == r.Label {
				v--
			}
			s.brier[i] += half * v * v
		}
	}
	for c := range s.rankings {
		s.rankings[c] = rank(n, func(i int) float64 { return p.Rows[i].Probabilities[c] },
			func(i int) entry { return entry{row: int32(i), class: s.truth[i]} })
	}
	return s
}

// pool adds the ranking of all classes together, which micro averages need. p is the table of the sample.
func (s *sample) pool(p *Predictions) {
	if s.classes == 2 {
		return
	}
	s.pooled = rank(len(p.Rows)*s.classes, func(i int) float64 { return p.Rows[i/s.classes].Probabilities[i%s.classes] },
		func(i int) entry {
			e := entry{row: int32(i / s.classes)}
			if int(s.truth[e.row]) == i%s.classes {
				e.class = 1
			}
			return e
		})
}

// calibrationBin returns the bin ](b-1)/15, b/15] of v, counted from 0; 0 is in the first. The edges are
// numpy.linspace(0, 1, 16).
func calibrationBin(v float64) uint8 {
	const step = 1.0 / calibrationBins
	return uint8(sort.Search(calibrationBins-1, func(b int) bool { return v <= float64(b+1)*step }))
}

// calibrationNoise returns the expected calibration error of a model whose largest probabilities are right. The number
// of right rows in a bin then varies with Σ p(1-p), and the mean of |X| of a normal X is σ√(2/π).
func (s *sample) calibrationNoise() float64 {
	var variance [calibrationBins]float64
	for i, p := range s.top {
		variance[s.bin[i]] += p * (1 - p)
	}
	var sum float64
	for _, v := range variance {
		sum += math.Sqrt(2 / math.Pi * max(v, 0))
	}
	return sum / float64(len(s.top))
}

// newTally returns room for one measurement at a time.
func (s *sample) newTally() *tally {
	k := s.classes
	floats := func() []float64 { return make([]float64, k) }
	t := &tally{counts: make([][]int, k), pairs: make([][]int64, k),
		support: make([]int64, k), predicted: make([]int64, k), precision: floats(), recall: floats(),
		specificity: floats(), f1: floats(), jaccard: floats(), ap: floats(), auc: floats()}
	for c := range k {
		t.counts[c], t.pairs[c] = make([]int, k), make([]int64, k)
	}
	for i := range t.sensitivity {
		t.sensitivity[i] = floats()
	}
	return t
}

// width returns the number of measures, heights of curves included.
func (s *sample) width() int { return s.measures() + s.bands*2*bandPoints }

// measures returns the number of measures without the heights of curves.
func (s *sample) measures() int { return len(measureNames(s.classes)) + s.classes*len(classMeasures) }

// ones returns the weights of the sample itself.
func (s *sample) ones() []uint16 {
	return slices.Repeat([]uint16{1}, len(s.truth))
}

// whole measures the sample itself.
func (s *sample) whole() (*tally, []float64) {
	t, values := s.newTally(), make([]float64, s.width())
	s.measure(s.ones(), t, values)
	return t, values
}

// measure writes all measures of the sample in which row i occurs weights[i] times, not all zero, into out of length
// width.
func (s *sample) measure(weights []uint16, t *tally, out []float64) {
	s.countRows(weights, t)
	grid := out[s.measures():] // of the heights
	clear(grid)
	curves, first, averaged := 0, 0, s.classes
	if s.classes == 2 {
		first, averaged = positiveClass, 1
	}
	for c, ranking := range s.rankings {
		clear(t.pairs[c])
		t.ap[c] = t.walk(ranking, uint16(c), weights, t.pairs[c])
		t.measureClass(c)
		if s.bands > 0 && c >= first && t.support[c] > 0 {
			curves++
			t.addHeights(grid, averaged)
		}
	}
	if s.pooled != nil {
		var pairs [2]int64
		t.pooledAP = t.walk(s.pooled, 1, weights, pairs[:])
		t.pooledPairs = pairs[0]
		if s.bands > 0 {
			for k := range bandPoints {
				grid[k] /= float64(curves)
			}
			t.addHeights(grid[2*bandPoints:], 1)
		}
	}
	t.measure(out)
}

// countRows fills in what takes the rows in any order.
func (s *sample) countRows(weights []uint16, t *tally) {
	for c := range t.counts {
		clear(t.counts[c])
	}
	clear(t.support)
	clear(t.predicted)
	var gap [calibrationBins]float64 // correct rows less confidence
	t.rows, t.loss, t.brier, t.ece = 0, 0, 0, 0
	for i, w := range weights {
		if w == 0 {
			continue
		}
		v := float64(w)
		truth, guess := s.truth[i], s.guess[i]
		t.counts[truth][guess] += int(w)
		t.loss += v * s.loss[i]
		t.brier += v * s.brier[i]
		if truth == guess {
			gap[s.bin[i]] += v * (1 - s.top[i])
		} else {
			gap[s.bin[i]] -= v * s.top[i]
		}
	}
	for a, row := range t.counts {
		for b, v := range row {
			t.rows += int64(v)
			t.support[a] += int64(v)
			t.predicted[b] += int64(v)
		}
	}
	n := float64(t.rows)
	for _, g := range gap {
		t.ece += math.Abs(g)
	}
	t.loss, t.brier, t.ece = t.loss/n, t.brier/n, t.ece/n
}
