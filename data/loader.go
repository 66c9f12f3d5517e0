package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"

	"fovea/data/pixels"
)

// bufferCount is the number of batches in memory: the consumer holds one while two are prepared.
const bufferCount = 3

// LoaderConfig configures a Loader.
type LoaderConfig struct {
	Samples  []Sample
	Verified []Fingerprint // what the files of Samples must still hold, see ErrReplaced; nil: anything
	Batch    int           // images a batch
	Workers  int           // goroutines that decode and transform; 0: one a core
	Seed     uint64        // of the order and of the transform
	Shuffle  bool          // draw a new order each epoch; else keep the samples' order
	Order    Order         // if set, decides the order instead of Shuffle
	// Keep, if set, tells which batches of an epoch are loaded. The iterator passes over the others.
	Keep      func(batch int) bool
	DropLast  bool // leave out a last batch that is not full
	Transform Transform
	Cache     *Cache   // of decoded images; nil for none
	Tolerant  bool     // go on past images that cannot be read, see Batch.Errors, but not past ErrReplaced and store.ErrFailed
	Targets   *Targets // of Batch.Targets; nil: none are made
	// Tensors holds the samples' tensors one after another, if they are in memory already. Then no file is read, and
	// there must be no Transform.
	Tensors []float32
}

// A Loader makes batches of samples. It is safe for concurrent use.
type Loader struct {
	config LoaderConfig
	size   int // values of one sample

	mu    sync.Mutex
	spare []*Batch // buffers of closed iterators
	notes pixels.Tally
}

// NewLoader returns a loader, or an error if the configuration cannot work. It reads no image.
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
	case config.Verified != nil && len(config.Verified) != n:
		return nil, fmt.Errorf("%d fingerprints of %d images", len(config.Verified), n)
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

// Batches returns the number of batches in an epoch.
func (l *Loader) Batches() int {
	n := len(l.config.Samples)
	if l.config.DropLast {
		return n / l.config.Batch
	}
	return (n + l.config.Batch - 1) / l.config.Batch
}

// Epoch starts an epoch at its batch number firstBatch, from 0. The batches are those of an epoch that starts at 0;
// there are none from Batches() on. The caller must close the iterator. The goroutines end when it is closed or ctx is
// done.
func (l *Loader) Epoch(ctx context.Context, epoch, firstBatch int) *Iterator {
	ctx, cancel := context.WithCancel(ctx)
	it := &Iterator{
		ctx:     ctx,
		cancel:  cancel,
		loader:  l,
		epoch:   epoch,
		index:   max(firstBatch, 0),
		ordered: make(chan *Batch, bufferCount),
		free:    make(chan *Batch, bufferCount),
	}
	for range bufferCount {
		it.free <- l.buffer()
	}
	jobs := make(chan job)
	it.goroutines.Go(func() { it.feed(l.order(epoch), max(firstBatch, 0), jobs) })
	for range workerCount(l.config.Workers) {
		it.goroutines.Go(func() { it.work(uint64(epoch), jobs) })
	}
	return it
}

// Each calls do for every batch of epoch 0 from firstBatch on. A batch is valid until do returns.
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

// order returns the positions of the samples in their order in an epoch.
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

// load writes one sample's tensor to dst. Its random numbers follow from the seed, the epoch and the stream.
func (l *Loader) load(dst []float32, index int, epoch, stream uint64, src *rand.PCG) error {
	if t := l.config.Tensors; t != nil {
		copy(dst, t[index*l.size:(index+1)*l.size])
		return nil
	}
	path := l.config.Samples[index].Path
	var verified *Fingerprint
	if l.config.Verified != nil {
		verified = &l.config.Verified[index]
	}
	seedSource(src, l.config.Seed, epoch, stream)
	if err := l.loadImage(dst, path, verified, rand.New(src)); err != nil {
		return fmt.Errorf("reading the image %s: %w", path, err)
	}
	return nil
}

// loadImage writes the tensor of an image file to dst, by way of the cache if there is one.
func (l *Loader) loadImage(dst []float32, path string, verified *Fingerprint, rng *rand.Rand) error {
	transform := l.config.Transform
	if l.config.Cache != nil {
		img, fingerprint, err := l.config.Cache.load(path, verified, transform)
		if err != nil {
			return err
		}
		l.notes.Add(path, fingerprint.Notes)
		return transform.applyCached(dst, img, rng)
	}
	file, err := readFile(path, verified)
	if err != nil {
		return err
	}
	release, err := Reserve(file)
	if err != nil {
		return err
	}
	defer release()
	notes, err := transform.applyFile(dst, file, rng)
	l.notes.Add(path, notes)
	return err
}

// LogNotes logs, with the number of images, what may surprise in those that were loaded since the last call.
func (l *Loader) LogNotes() { l.notes.Log() }

// buffer returns memory for one batch, from a closed iterator if there is any.
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

// keep makes the memory of a batch available to later iterators.
func (l *Loader) keep(b *Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spare = append(l.spare, b)
}
