// Package pace tells how long a run takes, from how long its first steps took.
package pace

import (
	"fmt"
	"time"
)

// Long is the time from which a run is said to take hours.
const Long = 2 * time.Hour

// A Work counts what a run has to do.
type Work struct {
	Steps  int // optimizer steps
	Images int // that are evaluated: those of val after each epoch, and of the test
}

// A Cost gives the time for one step, and for one image that is evaluated.
type Cost struct{ Step, Image time.Duration }

// Of returns the time for a work.
func (c Cost) Of(w Work) time.Duration {
	return time.Duration(w.Steps)*c.Step + time.Duration(w.Images)*c.Image
}

const (
	enough = 2 * time.Second  // of steps give their mean
	slow   = 10 * time.Second // is a step of which one says enough
)

// A Watch measures the cost of a run under way. The first step, in which the runtime takes its memory, counts only
// while there is no other.
type Watch struct {
	first, steps, evaluated time.Duration
	n, images               int
}

// Step adds a step.
func (w *Watch) Step(d time.Duration) {
	if w.first == 0 {
		w.first = d
		return
	}
	w.steps += d
	w.n++
}

// Evaluated adds a split that was evaluated.
func (w *Watch) Evaluated(images int, d time.Duration) {
	w.images += images
	w.evaluated += d
}

// Cost returns the cost so far, and whether enough was measured to say it. batch is the number of images of a step. Until
// a split was evaluated, an image is expected to take a third of what it takes in a step, which runs backward too.
func (w *Watch) Cost(batch int) (c Cost, known bool) {
	switch {
	case w.n > 0:
		c.Step = w.steps / time.Duration(w.n)
	default:
		c.Step = w.first
	}
	c.Image = c.Step / time.Duration(3*batch)
	if w.images > 0 {
		c.Image = w.evaluated / time.Duration(w.images)
	}
	return c, w.steps >= enough || w.n > 0 && w.first >= slow/2 || w.n == 0 && w.first >= slow || w.images > 0
}

// Text returns a duration as people say it: "40 s", "3 min", "2 h 10 min", "12 days".
func Text(d time.Duration) string {
	switch minutes := int(d.Round(time.Minute).Minutes()); {
	case d < 90*time.Second:
		return fmt.Sprintf("%d s", max(1, int(d.Round(time.Second).Seconds())))
	case minutes < 100:
		return fmt.Sprintf("%d min", minutes)
	case minutes < 10*60:
		return fmt.Sprintf("%d h %d min", minutes/60, minutes%60)
	case minutes < 72*60:
		return fmt.Sprintf("%d h", (minutes+30)/60)
	default:
		return fmt.Sprintf("%d days", (minutes+12*60)/(24*60))
	}
}
