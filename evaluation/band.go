package evaluation

// A Band is a ROC curve (sensitivity over false positive rate) or a precision-recall curve on a grid of X, with an
// interval at each point of it.
type Band struct {
	Name            string // of the class, or of the average over classes
	X, Y, Low, High []float64
}

const (
	bandSteps  = 200 // of the grid, from 0 to 1
	bandPoints = bandSteps + 1
)

// bandNames returns the names of the curves that have bands: of two classes the positive one, else both averages over
// classes.
func bandNames(classes []string) []string {
	if len(classes) == 2 {
		return classes[positiveClass:]
	}
	return []string{"macro average", "micro average"}
}

// addHeights adds the heights of the curves of the last walk, which met positive and other rows, at the points of the
// grid: of the ROC curve and, divided by classes, of the precision-recall curve.
//
// The height of a ROC curve lies on the straight line between two corners. The line's end does not count, for the next
// line may go straight up from there. The precision at a recall is that of the first corner that has it, at recall 0 of
// the first with a positive row.
func (t *tally) addHeights(grid []float64, classes int) {
	all := t.corners[len(t.corners)-1]
	roc, precision := grid[:bandPoints], grid[bandPoints:]
	i, j := 0, 0
	for k := range int64(bandSteps) {
		for t.corners[i].misses <= k*all.misses/bandSteps {
			i++
		}
		from, to := t.corners[i-1], t.corners[i]
		x := float64(k*all.misses) / bandSteps
		share := (x - float64(from.misses)) / float64(to.misses-from.misses)
		roc[k] += (float64(from.hits) + share*float64(to.hits-from.hits)) / float64(all.hits)
	}
	roc[bandSteps]++
	for k := range int64(bandPoints) {
		for t.corners[j].hits < max(1, (k*all.hits+bandSteps-1)/bandSteps) {
			j++
		}
		c := t.corners[j]
		precision[k] += float64(c.hits) / float64(c.hits+c.misses) / float64(classes)
	}
}

// bands returns the curves of one kind: which is 0 for ROC, 1 for precision and recall. values are measures of the
// sample itself; the heights begin at first, in values and in r.
func (r replicates) bands(names []string, values []float64, first, which int, level float64) []Band {
	var out []Band
	for i, name := range names {
		b := Band{Name: name}
		for k := range bandPoints {
			at := first + (2*i+which)*bandPoints + k
			low, high := r.percentiles(at, level)
			b.X, b.Y = append(b.X, float64(k)/bandSteps), append(b.Y, values[at])
			b.Low, b.High = append(b.Low, low), append(b.High, high)
		}
		out = append(out, b)
	}
	return out
}
