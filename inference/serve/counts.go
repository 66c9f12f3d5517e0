package serve

import (
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"
)

// counts is what /metrics tells.
type counts struct {
	mu      sync.Mutex
	answers map[string]int // by status
	batches int
	images  int
	busy    time.Duration
}

func newCounts() *counts { return &counts{answers: map[string]int{}} }

func (c *counts) answered(status string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[status]++
}

func (c *counts) ran(images int, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batches++
	c.images += images
	c.busy += took
}

// write writes Prometheus' text format.
func (c *counts) write(w io.Writer, underWay int64) {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintln(w, "# HELP fovea_predict_requests_total Answers to POST /predict by status.")
	fmt.Fprintln(w, "# TYPE fovea_predict_requests_total counter")
	for _, status := range slices.Sorted(maps.Keys(c.answers)) {
		fmt.Fprintf(w, "fovea_predict_requests_total{code=%q} %d\n", status, c.answers[status])
	}
	for _, m := range []struct {
		name, kind, help string
		value            any
	}{
		{"fovea_predict_under_way", "gauge", "Uploads that have not been answered.", underWay},
		{"fovea_images_total", "counter", "Images that the model classified.", c.images},
		{"fovea_batches_total", "counter", "Forward passes.", c.batches},
		{"fovea_forward_seconds_total", "counter", "Time of forward passes.", c.busy.Seconds()},
		{"go_memstats_heap_inuse_bytes", "gauge", "Memory in use.", memory.HeapInuse},
		{"go_goroutines", "gauge", "Goroutines.", runtime.NumGoroutine()},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %v\n", m.name, m.help, m.name, m.kind, m.name, m.value)
	}
}
