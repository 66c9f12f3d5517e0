package data

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"fovea/data/store"
)

// A Batch is a set of samples as tensors. It is valid until Release.
type Batch struct {
	Images  []float32 // [N,3,S,S], [N,V,3,S,S] with V views, or N rows of LoaderConfig.Tensors
	Labels  []int     // [N], classes
	Targets []float32 // [N,C], with LoaderConfig.Targets
	Indices []int     // [N], positions in LoaderConfig.Samples
	// Errors says why an image could not be read, with LoaderConfig.Tolerant; its tensor is then zero. [N]
	Errors []error
	N      int // below LoaderConfig.Batch in a last batch that is not full

	iterator *Iterator // nil unless the consumer holds the batch
	pending  atomic.Int32
	ready    chan struct{} // closed when nothing is pending
	streams  []uint64      // [N], of random numbers
}

// Release gives the batch's memory back to the iterator. Its slices must not be used afterwards.
func (b *Batch) Release() {
	it := b.iterator
	if it == nil {
		return
	}
	b.iterator = nil
	it.held--
	it.free <- b // never blocks: the channel has room for every buffer
}

// reset makes b the batch of the samples at indices, of which no image is there yet.
func (b *Batch) reset(indices []int, streams []uint64, samples []Sample, imageSize int) {
	n := len(indices)
	b.N, b.streams = n, streams
	b.Images = b.Images[:n*imageSize]
	b.Labels, b.Indices, b.Errors = b.Labels[:n], b.Indices[:n], b.Errors[:n]
	copy(b.Indices, indices)
	for i, index := range indices {
		b.Labels[i] = samples[index].Class
	}
	b.pending.Store(int32(n))
	b.ready = make(chan struct{})
}

// An Iterator returns the batches of an epoch in order. It is for one goroutine, which also releases the batches.
type Iterator struct {
	ctx        context.Context // of the epoch: the goroutines' and Next's
	cancel     context.CancelFunc
	loader     *Loader
	epoch      int
	index      int // of the batch that Next returns next
	goroutines sync.WaitGroup
	ordered    chan *Batch // being prepared, in order; closed behind the last
	free       chan *Batch
	held       int // batches with the consumer
	err        error
}

// A job asks for image i of a batch.
type job struct {
	batch *Batch
	i     int
}

// Next waits for the next batch and returns it. After the last it returns io.EOF. If an image of the batch cannot be
// read it returns the error of the first one, which names the file; if the context is done, the context's error. Every
// later call returns the same error. At most three batches may be held at a time.
func (it *Iterator) Next() (*Batch, error) {
	if it.err != nil {
		return nil, it.err
	}
	if it.held == bufferCount {
		return nil, errors.New("every buffer is in use: release a batch before the next one")
	}
	for keep := it.loader.config.Keep; keep != nil && it.index < it.loader.Batches() && !keep(it.index); {
		it.index++
	}
	b, err := it.next()
	if t := it.loader.config.Targets; err == nil && t != nil {
		b.Targets, err = t.Apply(b, it.epoch, it.index)
	}
	if err != nil {
		it.err = err
		return nil, err
	}
	b.iterator = it
	it.held++
	it.index++
	return b, nil
}

// next waits for the batch that is next in order.
func (it *Iterator) next() (*Batch, error) {
	if err := it.ctx.Err(); err != nil {
		return nil, err
	}
	b, ok := <-it.ordered
	if !ok {
		if err := it.ctx.Err(); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
	select {
	case <-b.ready:
	case <-it.ctx.Done():
		return nil, it.ctx.Err()
	}
	for _, err := range b.Errors {
		if err != nil && (!it.loader.config.Tolerant || errors.Is(err, ErrReplaced) || errors.Is(err, store.ErrFailed)) {
			return nil, err
		}
	}
	return b, nil
}

// Close ends the epoch's goroutines and waits for them.
func (it *Iterator) Close() {
	it.cancel()
	it.goroutines.Wait()
	for b := range it.ordered {
		it.loader.keep(b)
	}
	for {
		select {
		case b := <-it.free:
			it.loader.keep(b)
		default:
			return
		}
	}
}

// feed hands the epoch's images to the workers, batch after batch, as buffers become free.
func (it *Iterator) feed(order []int, firstBatch int, jobs chan<- job) {
	defer close(jobs)
	defer close(it.ordered)
	c := it.loader.config
	streams := streamsOf(order, len(c.Samples))
	for b := firstBatch; b < it.loader.Batches(); b++ {
		if c.Keep != nil && !c.Keep(b) {
			continue
		}
		var batch *Batch
		select {
		case batch = <-it.free:
		case <-it.ctx.Done():
			return
		}
		start, end := b*c.Batch, min((b+1)*c.Batch, len(order))
		batch.reset(order[start:end], streams[start:end], c.Samples, it.loader.size)
		it.ordered <- batch // never blocks: the channel has room for every buffer
		for i := range batch.N {
			select {
			case jobs <- job{batch, i}:
			case <-it.ctx.Done():
				return
			}
		}
	}
}

// work loads the images of jobs. The worker that loads the last image of a batch marks the batch as ready.
func (it *Iterator) work(epoch uint64, jobs <-chan job) {
	var src rand.PCG
	for j := range jobs {
		b, size := j.batch, len(j.batch.Images)/j.batch.N
		image := b.Images[j.i*size : (j.i+1)*size]
		if b.Errors[j.i] = it.loader.load(image, b.Indices[j.i], epoch, b.streams[j.i], &src); b.Errors[j.i] != nil {
			clear(image)
		}
		if b.pending.Add(-1) == 0 {
			close(b.ready)
		}
	}
}
