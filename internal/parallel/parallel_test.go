package parallel_test

import (
	"sync/atomic"
	"testing"

	"fovea/internal/parallel"
)

// TestEach: every number comes exactly once, for any number of workers, and all calls have returned.
func TestEach(t *testing.T) {
	for _, workers := range []int{-1, 0, 1, 3, 50} {
		for _, n := range []int{0, 1, 2, 17} {
			calls := make([]atomic.Int32, n)
			parallel.Each(workers, n, func(i int) { calls[i].Add(1) })
			for i := range calls {
				if got := calls[i].Load(); got != 1 {
					t.Errorf("%d workers, %d calls: number %d came %d times", workers, n, i, got)
				}
			}
		}
	}
}
