package evaluation

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/stat/distuv"
)

// Intervals configures the bootstrap. The zero value makes 2,000 rounds and intervals of 95 %.
type Intervals struct {
	Rounds  int     // of the bootstrap; 0: 2,000
	Level   float64 // of confidence; 0: 0.95
	Seed    uint64
	Workers int // goroutines; 0: one a core. The result does not depend on it
}

func (o Intervals) withDefaults() (Intervals, error) {
	o.Rounds = cmp.Or(o.Rounds, 2000)
	o.Level = cmp.Or(o.Level, 0.95)
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Rounds < 20 {
		return o, fmt.Errorf("%d bootstrap rounds: must be at least 20", o.Rounds)
	}
	if !(o.Level > 0 && o.Level < 1) {
		return o, fmt.Errorf("level %v of the intervals: must lie between 0 and 1", o.Level)
	}
	return o, nil
}

// drawing returns what a round draws of the sample: images, or patients, within classes.
func (s *sample) drawing() *drawing {
	if !s.patients.several() {
		return &drawing{size: len(s.truth), strata: s.byClass}
	}
	cell := make([]int, len(s.truth))
	for i, c := range s.truth {
		cell[i] = int(c)
	}
	return newDrawing(s.patients, cell, s.classes)
}

// draw replaces weights by those of a round: how often each row was drawn. Rounds are independent of one another and of
// who draws them.
func (d *drawing) draw(weights []uint16, seed uint64, round int) {
	rng := rand.New(rand.NewPCG(seed, uint64(round)))
	clear(weights)
	for _, units := range d.strata {
		n := uint32(len(units))
		for range n {
			unit := units[rng.Uint32N(n)]
			if d.rows == nil {
				weights[unit]++
				continue
			}
			for _, row := range d.rows[unit] {
				weights[row]++
			}
		}
	}
}

// level returns the level at which intervals of rounds hold the true value as often as level says. With few patients
// the rounds vary less than samples do, by √((n-h)/n) for n patients in h strata, and their number tells the variance
// like n-h degrees of freedom. So percentiles are those of a Student variable, enlarged (Hesterberg, 2015). Images
// drawn one by one are left as they are.
func (d *drawing) level(level float64) float64 {
	if d.rows == nil {
		return level
	}
	patients, freedom := float64(len(d.rows)), float64(len(d.rows))
	for _, units := range d.strata {
		if len(units) > 0 {
			freedom--
		}
	}
	if freedom < 1 {
		return level
	}
	return 2*distuv.UnitNormal.CDF(studentQuantile(level, freedom)*math.Sqrt(patients/freedom)) - 1
}

// A part is a sample of some of the rows that are drawn; nil rows are all of them.
type part struct {
	*sample
	rows []int32
}

// bootstrap measures all parts in each round with the same draw, and hands the measures to keep. Each worker needs a
// few bytes a row, and keep decides what is left of a round.
func bootstrap(ctx context.Context, d *drawing, parts []part, o Intervals,
	keep func(round int, measures [][]float64)) error {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(o.Workers, o.Rounds) {
		workers.Go(func() {
			weights, some := make([]uint16, d.size), make([]uint16, d.size)
			tally := parts[0].newTally()
			measures := make([][]float64, len(parts))
			for i, p := range parts {
				measures[i] = make([]float64, p.width())
			}
			for ctx.Err() == nil {
				round := int(next.Add(1)) - 1
				if round >= o.Rounds {
					return
				}
				d.draw(weights, o.Seed, round)
				for i, p := range parts {
					of := weights
					if p.rows != nil {
						of = some[:len(p.rows)]
						for k, row := range p.rows {
							of[k] = weights[row]
						}
					}
					p.measure(of, tally, measures[i])
				}
				keep(round, measures)
			}
		})
	}
	workers.Wait()
	return ctx.Err()
}

// replicates holds one number a measure and round, in float64: the only thing that grows with the rounds.
type replicates [][]float64

func newReplicates(measures, rounds int) replicates {
	out := make(replicates, measures)
	for i := range out {
		out[i] = make([]float64, rounds)
	}
	return out
}

// interval returns the bias-corrected percentiles of measure i (Efron, 1981), whose value in the sample is given. They
// move by twice the normal quantile of the fraction of rounds below the value, counting half of those at it. If a round
// lacks the measure, the ends are NaN. It sorts.
func (r replicates) interval(i int, value, level float64) (low, high float64) {
	values := r[i]
	if slices.ContainsFunc(values, math.IsNaN) {
		return math.NaN(), math.NaN()
	}
	slices.Sort(values)
	below, _ := slices.BinarySearch(values, value)
	to, _ := slices.BinarySearch(values, math.Nextafter(value, math.Inf(1)))
	n := float64(len(values))
	// Half a round at either end keeps the shift finite.
	shift := 2 * distuv.UnitNormal.Quantile(min(max(float64(below+to)/2, 0.5), n-0.5)/n)
	z := normalQuantile(level)
	return quantile(values, distuv.UnitNormal.CDF(shift-z)), quantile(values, distuv.UnitNormal.CDF(shift+z))
}

// percentiles returns the percentile interval of measure i. It sorts.
func (r replicates) percentiles(i int, level float64) (low, high float64) {
	slices.Sort(r[i])
	return quantile(r[i], (1-level)/2), quantile(r[i], (1+level)/2)
}

// basicInterval returns the percentiles of measure i reflected at its value (Davison and Hinkley, 1997). It serves a
// measure that each round raises once more: then no round may reach the value, and percentiles cannot be corrected. It
// sorts.
func (r replicates) basicInterval(i int, value, level float64) (low, high float64) {
	low, high = r.percentiles(i, level)
	return 2*value - high, 2*value - low
}

// quantile computes numpy.quantile: linear between order statistics.
func quantile(sorted []float64, q float64) float64 {
	position := q * float64(len(sorted)-1)
	k := int(position)
	if k+1 == len(sorted) {
		return sorted[k]
	}
	return sorted[k] + (position-float64(k))*(sorted[k+1]-sorted[k])
}
