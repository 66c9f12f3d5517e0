package data

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"math/rand/v2"
	"os"
	"sync"
)

// buffers is the number of batches in memory: one with the consumer, two being prepared.
const buffers = 3

// LoaderConfig says what a Loader loads.
type LoaderConfig struct {
	Samples   []Sample
	Batch     int    // images a batch
	Workers   int    // goroutines that decode and transform; 0: one a core
	Seed      uint64 // of the order and of the transform
	Shuffle   bool   // a new order each epoch; else the samples' order
	Order     Order  // instead of Shuffle's order; nil: that
	DropLast  bool   // leave out a last batch that is not full
	Transform Transform
	Cache     *Cache // of decoded images; nil: none
	Tolerant  bool   // images that cannot be read end no epoch, see Batch.Errors
	// Tensors are the samples' tensors, one after another, where they are in memory already: then no file is read and
	// there is no Transform.
	Tensors []float32
}

// read writes the tensor of an image file to dst.
func (c *LoaderConfig) read(dst []float32, path string, rng *rand.Rand) error {
	var err error
	if c.Cache != nil {
		var img *image.NRGBA
		if img, err = c.Cache.image(path, c.Transform); err == nil {
			err = c.Transform.applyKept(dst, img, rng)
		}
	} else {
		var file []byte
		if file, err = os.ReadFile(path); err == nil {
			err = c.Transform.applyFile(dst, file, rng)
		}
	}
	if err != nil {
		return fmt.Errorf("reading the image %s: %w", path, err)
	}
	return nil
}

// Loader makes batches of samples. It is safe for concurrent use.
type Loader struct {
	config LoaderConfig
	size   int // values of one sample

	mu    sync.Mutex
	spare []*Batch // buffers of closed iterators
}

// NewLoader checks the configuration; it reads no image.
func NewLoader(config LoaderConfig) (*Loader, error) {
	switch n := len(config.Samples); {
	case (config.Transform == nil) == (config.Tensors == nil):
		return nil, errors.New("a loader needs a transform or tensors, and not both")
	case config.Batch < 1:
		return nil, fmt.Errorf("batch size %d: it must be at least 1", config.Batch)
	case n == 0:
		return nil, errors.New("a loader needs at least one image")
	case config.DropLast && n < config.Batch:
		return nil, fmt.Errorf("batch size %d is larger than the %d images, and a last batch that is not full "+
			"is dropped: nothing would be left; use a batch size of at most %d", config.Batch, n, n)
	case config.Workers < 0:
		return nil, fmt.Errorf("%d workers: use 0 for one a core", config.Workers)
	case len(config.Tensors)%n != 0:
		return nil, fmt.Errorf("%d values cannot be divided among %d samples", len(config.Tensors), n)
	}
	l := &Loader{config: config, size: len(config.Tensors) / len(config.Samples)}
	if t := config.Transform; t != nil {
		if err := t.Check(); err != nil {
			return nil, err
		}
		l.size = t.views() * 3 * t.Side() * t.Side()
	}
	return l, nil
}

// Batches is the number of batches of an epoch.
func (l *Loader) Batches() int {
	n := len(l.config.Samples)
	if l.config.DropLast {
		return n / l.config.Batch
	}
	return (n + l.config.Batch - 1) / l.config.Batch
}

// Epoch starts an epoch at its batch firstBatch; the batches are those of a run from the first one, and none are left
// from Batches() on. Its goroutines end when the iterator is closed or ctx is done. The iterator must be closed.
func (l *Loader) Epoch(ctx context.Context, epoch, firstBatch int) *Iterator {
	ctx, cancel := context.WithCancel(ctx)
	it := &Iterator{
		ctx:     ctx,
		cancel:  cancel,
		loader:  l,
		ordered: make(chan *Batch, buffers),
		free:    make(chan *Batch, buffers),
	}
	for range buffers {
		it.free <- l.buffer()
	}
	jobs := make(chan job)
	it.goroutines.Go(func() { it.feed(l.order(epoch), max(firstBatch, 0), jobs) })
	for range workerCount(l.config.Workers) {
		it.goroutines.Go(func() { it.work(uint64(epoch), jobs) })
	}
	return it
}

// Each calls do for every batch of the first epoch from firstBatch on. A batch is valid until do returns.
func (l *Loader) Each(ctx context.Context, firstBatch int, do func(*Batch) error) error {
	it := l.Epoch(ctx, 0, firstBatch)
	defer it.Close()
	for {
		b, err := it.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(b); err != nil {
			return err
		}
		b.Release()
	}
}

// order is the epoch's order of the samples.
func (l *Loader) order(epoch int) []int {
	if l.config.Order != nil {
		return l.config.Order(epoch)
	}
	n := len(l.config.Samples)
	if l.config.Shuffle {
		return permutation(n, l.config.Seed, uint64(epoch))
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// load writes one sample's tensor to dst.
func (l *Loader) load(dst []float32, index int, epoch, stream uint64, src *rand.PCG) error {
	if t := l.config.Tensors; t != nil {
		copy(dst, t[index*l.size:(index+1)*l.size])
		return nil
	}
	path := l.config.Samples[index].Path
	seedSource(src, l.config.Seed, epoch, stream)
	return l.config.read(dst, path, rand.New(src))
}

// buffer returns memory for one batch.
func (l *Loader) buffer() *Batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.spare); n > 0 {
		b := l.spare[n-1]
		l.spare = l.spare[:n-1]
		return b
	}
	n := l.config.Batch
	return &Batch{
		Images:  make([]float32, n*l.size),
		Labels:  make([]int, n),
		Indices: make([]int, n),
		Errors:  make([]error, n),
	}
}

func (l *Loader) keep(b *Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spare = append(l.spare, b)
}
