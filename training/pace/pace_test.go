package pace

import (
	"testing"
	"time"
)

func TestText(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "1 s", 89 * time.Second: "89 s", 100 * time.Second: "2 min",
		99 * time.Minute: "99 min", 130 * time.Minute: "2 h 10 min", 20 * time.Hour: "20 h", 300 * time.Hour: "13 days"} {
		if got := Text(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// A run of 10 steps of 3 s with 60 images, of which each takes a third of its part in a step until it is measured.
func TestWatch(t *testing.T) {
	var w Watch
	w.Step(4 * time.Second)
	if _, known := w.Cost(10); known {
		t.Error("the first step alone says enough")
	}
	w.Step(3 * time.Second)
	c, known := w.Cost(10)
	if got := c.Of(Work{10, 60}); !known || got != 36*time.Second {
		t.Errorf("%v %v", got, known)
	}
	w.Evaluated(20, 4*time.Second)
	c, _ = w.Cost(10)
	if got := c.Of(Work{10, 60}); got != 42*time.Second {
		t.Errorf("with an evaluation: %v", got)
	}
}
