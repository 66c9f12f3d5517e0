package learner

import (
	"errors"
	"testing"

	"fovea/training/collective"
)

// TestOrderOfBuckets: ONNX Runtime completes the gradients of the last bucket first, as reduce expects.
func TestOrderOfBuckets(t *testing.T) {
	j := newJoint(t, "^$")
	s := j.settings
	s.Group, s.Bucket, s.Accumulate = collective.Local(2)[0], 1, 2
	l, err := j.open(s)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	n := len(l.pieces.buckets)
	if n < 3 {
		t.Fatalf("%d buckets say nothing of their order", n)
	}
	for range 2 {
		l.signals.Reset()
		if err := errors.Join(l.Stage(make([]float32, j.batch*3*28*28), make([]float32, j.batch*5), 0, 0), l.session.Run()); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if turn := l.signals.Turn(i); turn != n-i {
				t.Errorf("bucket %d of %d is the %d. to be complete", i, n, turn)
			}
		}
	}
}
