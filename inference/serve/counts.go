package serve

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// counts holds the numbers of /metrics.
type counts struct {
	mu      sync.Mutex
	answers map[request]int
	batches int
	images  int
	busy    time.Duration
	maps    int
	drawing time.Duration
}

// request is the key by which answers are counted.
type request struct {
	path   string
	status int
}

func newCounts() *counts { return &counts{answers: map[request]int{}} }

func (c *counts) answered(path string, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[request{path, status}]++
}

func (c *counts) ran(images int, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batches++
	c.images += images
	c.busy += took
}

func (c *counts) explained(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.maps++
	c.drawing += took
}

// write writes Prometheus' text format.
func (c *counts) write(w io.Writer, underWay int64) {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintln(w, "# HELP fovea_requests_total Answers to uploads by path and status.")
	fmt.Fprintln(w, "# TYPE fovea_requests_total counter")
	order := func(a, b request) int { return cmp.Or(strings.Compare(a.path, b.path), a.status-b.status) }
	for _, r := range slices.SortedFunc(maps.Keys(c.answers), order) {
		fmt.Fprintf(w, "fovea_requests_total{path=%q,code=\"%d\"} %d\n", r.path, r.status, c.answers[r])
	}
	for _, m := range []struct {
		name, kind, help string
		value            any
	}{
		{"fovea_uploads_under_way", "gauge", "Uploads that have not been answered.", underWay},
		{"fovea_images_total", "counter", "Images that the model classified.", c.images},
		{"fovea_batches_total", "counter", "Forward passes.", c.batches},
		{"fovea_forward_seconds_total", "counter", "Time of forward passes.", c.busy.Seconds()},
		{"fovea_explanations_total", "counter", "Heat maps that were computed.", c.maps},
		{"fovea_explain_seconds_total", "counter", "Time of their computation.", c.drawing.Seconds()},
		{"go_memstats_heap_inuse_bytes", "gauge", "Memory in use.", memory.HeapInuse},
		{"go_goroutines", "gauge", "Goroutines.", runtime.NumGoroutine()},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %v\n", m.name, m.help, m.name, m.kind, m.name, m.value)
	}
}
