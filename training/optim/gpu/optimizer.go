package gpu

import (
	_ "embed"
	"errors"
	"fmt"
	"unsafe"

	"fovea/internal/numbers"
	"fovea/onnx/cuda"
	"fovea/training/optim"
)

//go:embed kernels.ptx
var ptx []byte

// Arenas holds a training's arenas in the memory of one GPU. They have one layout, four bytes for each element, and
// belong to the caller.
type Arenas struct {
	Parameters, Gradients, Moment1, Moment2 *cuda.Memory
	Sums                                    []*cuda.Memory // of gradients over micro-batches, see optim.Accumulate
	Average                                 *cuda.Memory   // moving average of the parameters; nil if none is kept
}

// An Optimizer takes the steps of one training on the GPU, in the order of one stream. It is for one goroutine at a
// time.
type Optimizer struct {
	stream  *cuda.Stream
	arenas  Arenas
	adamw   optim.AdamW
	average float64 // decay of the moving average
	micros  int     // micro-batches of a step
	groups  []optim.Group
	from    int // index of the first element that is not frozen
	size    int // elements of an arena

	module *cuda.Module
	kernel struct{ add, squares, fold, finish, adamw *cuda.Function }

	memory       []*cuda.Memory // all that Close frees: the fields below
	sums, totals *cuda.Memory   // sums of squares for each lane of a chunk, and for each chunk
	status       *cuda.Memory
	pieces       *cuda.Memory     // the piece of each block
	coefficients *cuda.Memory     // for each group
	count        int              // number of pieces
	host         *cuda.HostMemory // coefficients on their way to the GPU
	copied       *cuda.Event      // happens when the GPU has read host
}

// These constants stand in kernels.cu too.
const (
	chunk  = 1 << 16 // elements that are summed on their own, as in optim.Norm
	lanes  = 32      // partial sums for each chunk
	vector = 4       // elements that a thread takes at once
	block  = 256     // threads
	// longest is the largest number of elements of a piece. A block takes 8 turns for it, few enough that the last
	// blocks end together.
	longest = 8 * block * vector
)

// A piece is a part of a group that one block updates. start and end count vectors.
type piece struct{ start, end, group int64 }

// New returns an optimizer of arenas with the layout l, on the stream s of the device d. average is the decay of the
// moving average, if there is one. A step has micros micro-batches.
func New(d *cuda.Device, s *cuda.Stream, l optim.Layout, adamw optim.AdamW, average float64, micros int,
	a Arenas) (*Optimizer, error) {
	if n := optim.SumArenas(optim.Whole(micros)); len(a.Sums) != n {
		return nil, fmt.Errorf("the optimizer has %d arenas for the sum of %d micro-batches, want %d", len(a.Sums), micros,
			n)
	}
	all := map[string]*cuda.Memory{"parameters": a.Parameters, "gradients": a.Gradients, "first moments": a.Moment1,
		"second moments": a.Moment2, "average": a.Average}
	for i, m := range a.Sums {
		all[fmt.Sprintf("sum %d", i)] = m
	}
	for name, m := range all {
		if m == nil && name != "average" {
			return nil, fmt.Errorf("the optimizer has no arena of %s", name)
		}
		if m != nil && m.Size() != 4*l.Size {
			return nil, fmt.Errorf("the arena of the optimizer's %s has %d bytes, the layout %d", name, m.Size(), 4*l.Size)
		}
	}
	o := &Optimizer{stream: s, arenas: a, adamw: adamw, average: average, micros: micros, groups: l.Groups(),
		from: l.TrainedFrom(), size: l.Size}
	if len(o.groups) == 0 {
		return nil, errors.New("the optimizer has nothing to train: every parameter is frozen")
	}
	if err := o.open(d); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// open loads the kernels and allocates the optimizer's memory.
func (o *Optimizer) open(d *cuda.Device) (err error) {
	if o.module, err = d.Load(ptx); err != nil {
		return fmt.Errorf(`the GPU's driver refuses the optimizer's kernels, install a newer one or set `+
			`runtime.provider = "cpu": %w`, err)
	}
	for name, f := range map[string]**cuda.Function{"add": &o.kernel.add, "squares": &o.kernel.squares,
		"fold": &o.kernel.fold, "finish": &o.kernel.finish, "adamw": &o.kernel.adamw} {
		if *f, err = o.module.Function(name); err != nil {
			return err
		}
	}
	var pieces []piece
	for i, g := range o.groups {
		for start := g.Start; start < g.End; start += longest {
			pieces = append(pieces, piece{int64(start / vector), int64(min(start+longest, g.End) / vector), int64(i)})
		}
	}
	o.count = len(pieces)
	coefficients := len(o.groups) * int(unsafe.Sizeof(optim.Coefficients{}))
	for _, m := range []struct {
		at    **cuda.Memory
		bytes int
	}{
		{&o.sums, 8 * lanes * o.chunks()},
		{&o.totals, 8 * o.chunks()},
		{&o.status, StatusBytes},
		{&o.pieces, len(pieces) * int(unsafe.Sizeof(piece{}))},
		{&o.coefficients, coefficients},
	} {
		if *m.at, err = d.Allocate(m.bytes); err != nil {
			return fmt.Errorf("memory of the optimizer: %w", err)
		}
		o.memory = append(o.memory, *m.at)
	}
	if o.host, err = d.AllocateHost(coefficients); err != nil {
		return err
	}
	if o.copied, err = d.NewEvent(); err != nil {
		return err
	}
	return o.stream.Upload(o.pieces, 0, numbers.Bytes(pieces))
}

// chunks returns the number of chunks of the gradient.
func (o *Optimizer) chunks() int { return (o.size - o.from + chunk - 1) / chunk }

// Close frees the optimizer's memory once the stream has done its work. The arenas stay the caller's.
func (o *Optimizer) Close() error {
	err := o.stream.Synchronize()
	if o.host != nil {
		err = errors.Join(err, o.host.Free())
	}
	if o.copied != nil {
		err = errors.Join(err, o.copied.Close())
	}
	for _, m := range o.memory {
		err = errors.Join(err, m.Free())
	}
	if o.module != nil {
		err = errors.Join(err, o.module.Close())
	}
	return err
}

// Accumulate takes the gradients of micro-batch number micro of a step, from 0, into the sum, as [optim.Accumulate]
// does. The last one completes it.
func (o *Optimizer) Accumulate(micro int) error {
	offset, n := 4*o.from, o.size-o.from
	add := func(to, from *cuda.Memory) error {
		return o.launch(o.kernel.add, n/vector, struct {
			sum, gradients uintptr
			n              int64
		}{to.Pointer() + uintptr(offset), from.Pointer() + uintptr(offset), int64(n / vector)})
	}
	replace := func(to, from *cuda.Memory) error { return o.stream.Copy(to, offset, from, offset, 4*n) }
	_, err := optim.Accumulate(micro, optim.Whole(o.micros), o.arenas.Gradients, o.arenas.Sums, add, replace)
	return err
}

// Update takes optimizer step number step, counted from 1, at a scheduled rate. The gradients, or their sum over
// micro-batches if there is one, are divided by divisor, the loss scale × micro-batches, and clipped to a norm of clip
// ([optim.ClipScale]). With skip, a step whose norm is not finite changes nothing; [Optimizer.Download] reports it.
func (o *Optimizer) Update(step int64, rate, divisor, clip float64, skip bool) error {
	gradients := o.arenas.Gradients
	if len(o.arenas.Sums) > 0 {
		gradients = o.arenas.Sums[0]
	}
	if err := o.norm(gradients, divisor, clip); err != nil {
		return err
	}
	coefficients := make([]optim.Coefficients, len(o.groups))
	for i, g := range o.groups {
		coefficients[i] = o.adamw.Coefficients(step, rate, 1/divisor, g)
	}
	if err := o.copied.Synchronize(); err != nil { // of the step before
		return err
	}
	copy(o.host.Bytes(), numbers.Bytes(coefficients))
	if err := errors.Join(o.stream.Upload(o.coefficients, 0, o.host.Bytes()), o.stream.Record(o.copied)); err != nil {
		return err
	}
	a := struct {
		parameters, moment1, moment2, average, gradients, pieces, coefficients, status uintptr
		keep, take                                                                     float32
		skip                                                                           int32
	}{o.arenas.Parameters.Pointer(), o.arenas.Moment1.Pointer(), o.arenas.Moment2.Pointer(), 0, gradients.Pointer(),
		o.pieces.Pointer(), o.coefficients.Pointer(), o.status.Pointer(), float32(o.average), float32(1 - o.average), 0}
	if o.arenas.Average != nil {
		a.average = o.arenas.Average.Pointer()
	}
	if skip {
		a.skip = 1
	}
	return o.launch(o.kernel.adamw, o.count*block, a)
}

// norm writes the norm of the gradients and their factor to the status.
func (o *Optimizer) norm(gradients *cuda.Memory, divisor, clip float64) error {
	chunks, n := o.chunks(), o.size-o.from
	if err := o.launch(o.kernel.squares, chunks*lanes, struct {
		gradients, sums uintptr
		n               int64
	}{gradients.Pointer() + uintptr(4*o.from), o.sums.Pointer(), int64(n)}); err != nil {
		return err
	}
	if err := o.launch(o.kernel.fold, chunks, struct {
		sums, totals uintptr
		chunks       int64
	}{o.sums.Pointer(), o.totals.Pointer(), int64(chunks)}); err != nil {
		return err
	}
	return o.stream.Launch(o.kernel.finish, 1, 1, struct {
		totals        uintptr
		chunks        int64
		divisor, clip float64
		status        uintptr
	}{o.totals.Pointer(), int64(chunks), divisor, clip, o.status.Pointer()})
}

// launch queues a kernel on at least as many threads.
func (o *Optimizer) launch(f *cuda.Function, threads int, arguments any) error {
	return o.stream.Launch(f, (threads+block-1)/block, block, arguments)
}
