package optim

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// chunk is the number of elements that a worker takes at a time: large enough that handing it out costs
// nothing, small enough that a core which others use too does not hold up the end. Norm's result depends on it.
const chunk = 1 << 16

// parallel calls do(i) once for every i in [0, n) and returns when all calls have returned. Workers take the
// next i as they become free. workers below 1 means one for each processor that Go may use.
func parallel(workers, n int, do func(i int)) {
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}
	var next atomic.Int64
	work := func() {
		for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
			do(int(i))
		}
	}
	var wg sync.WaitGroup
	for range min(workers, n) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

// chunks returns the number of chunks of n elements.
func chunks(n int) int {
	return (n + chunk - 1) / chunk
}
