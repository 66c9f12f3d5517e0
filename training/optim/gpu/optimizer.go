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
// belong to the caller. There may be more memory behind the layout's end.
type Arenas struct {
	Parameters, Gradients, Moment1, Moment2 *cuda.Memory
	Sums                                    []*cuda.Memory // of gradients over micro-batches, see optim.Accumulate
	Average                                 *cuda.Memory   // moving average of the parameters; nil if none is kept

	Share *Share // the part that the optimizer updates; nil: all that is trained
}

// A Share is the part of the parameters that one of several GPUs updates, from element Start to End without end. See
// [Piece]. The moments have the elements of the share alone. The GPUs first add up their gradients.
type Share struct {
	Start, End int
	// Sum queues the sum over all GPUs of float64 values, in their place.
	Sum func(values *cuda.Memory) error
	// Gather queues what gives all GPUs the parameters of all shares.
	Gather func() error
}

// Piece returns how many elements of a layout each of several GPUs updates, of those from [optim.Layout.TrainedFrom] on.
// The last pieces may reach beyond the layout's end. A piece holds whole chunks of [optim.Norm], so that several GPUs
// find the norm of one, to the bit.
func Piece(l optim.Layout, gpus int) int {
	n := l.Size - l.TrainedFrom()
	chunks := (n + chunk - 1) / chunk
	return (chunks + gpus - 1) / gpus * chunk
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
	size    int // elements of the layout
	share   Share

	module *cuda.Module
	kernel struct{ add, squares, fold, finish, adamw, average *cuda.Function }

	memory       []*cuda.Memory // all that Close frees: the fields below
	sums, totals *cuda.Memory   // sums of squares for each lane of a chunk, and for each chunk
	status       *cuda.Memory
	pieces       *cuda.Memory     // the piece of each block
	averaged     *cuda.Memory     // the piece of each block of the average; nil: the optimizer's kernel does it
	coefficients *cuda.Memory     // for each group
	count        int              // number of pieces
	averages     int              // number of those of the average
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
	share := Share{Start: l.TrainedFrom(), End: l.Size}
	kept := l.Size // elements of what only the optimizer keeps
	if a.Share != nil {
		share = *a.Share
		kept = share.End - share.Start
		if outside := share.Start < l.TrainedFrom() || share.Start > share.End || share.End > l.Size; outside ||
			(share.Start-l.TrainedFrom())%chunk != 0 {
			return nil, fmt.Errorf("the share of a GPU is from element %d to %d, of %d to %d", share.Start, share.End,
				l.TrainedFrom(), l.Size)
		}
	}

	for i, m := range a.Sums {
		all[fmt.Sprintf("sum %d", i)] = m
	}
	for name, m := range all {
		if m == nil && name != "average" {
			return nil, fmt.Errorf("the optimizer has no arena of %s", name)
		}
		want := l.Size
		if m == a.Moment1 || m == a.Moment2 {
			want = kept
		}
		if m != nil && m.Size() < 4*want {
			return nil, fmt.Errorf("the arena of the optimizer's %s has %d bytes, the layout needs %d", name, m.Size(), 4*want)
		}
	}
	o := &Optimizer{stream: s, arenas: a, adamw: adamw, average: average, micros: micros, groups: l.Groups(),
		from: l.TrainedFrom(), size: l.Size, share: share}
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
		"fold": &o.kernel.fold, "finish": &o.kernel.finish, "adamw": &o.kernel.adamw,
		"average": &o.kernel.average} {
		if *f, err = o.module.Function(name); err != nil {
			return err
		}
	}
	pieces, averaged := o.within(o.share.Start, o.share.End), o.within(o.from, o.size)
	o.count, o.averages = len(pieces), len(averaged)
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
		{&o.averaged, len(averaged) * int(unsafe.Sizeof(piece{}))},
	} {
		if m.at == &o.averaged && !o.averagesAlone() {
			continue
		}
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
	if o.averagesAlone() {
		if err := o.stream.Upload(o.averaged, 0, numbers.Bytes(averaged)); err != nil {
			return err
		}
	}
	return o.stream.Upload(o.pieces, 0, numbers.Bytes(pieces))
}

// within returns the pieces of the groups between two elements.
func (o *Optimizer) within(from, to int) (pieces []piece) {
	for i, g := range o.groups {
		end := min(g.End, to)
		for start := max(g.Start, from); start < end; start += longest {
			pieces = append(pieces, piece{int64(start / vector), int64(min(start+longest, end) / vector), int64(i)})
		}
	}
	return pieces
}

// averagesAlone reports whether the average is a kernel of its own: that of all parameters, behind those of all GPUs.
func (o *Optimizer) averagesAlone() bool { return o.arenas.Average != nil && o.arenas.Share != nil }

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

// Sum returns the arena with the gradients of a step: their sum over micro-batches, if it has several.
func (o *Optimizer) Sum() *cuda.Memory {
	if len(o.arenas.Sums) > 0 {
		return o.arenas.Sums[0]
	}
	return o.arenas.Gradients
}

// Update takes optimizer step number step, counted from 1, at a scheduled rate. The gradients, or their sum over
// micro-batches if there is one, are divided by divisor, the loss scale × micro-batches, and clipped to a norm of clip
// ([optim.ClipScale]). With skip, a step whose norm is not finite changes nothing; [Optimizer.Download] reports it.
func (o *Optimizer) Update(step int64, rate, divisor, clip float64, skip bool) error {
	gradients := o.Sum()
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
	if err := o.step(gradients, skip); err != nil || o.arenas.Share == nil {
		return err
	}
	if err := o.arenas.Share.Gather(); err != nil || o.arenas.Average == nil {
		return err
	}
	return o.launch(o.kernel.average, o.averages*block, struct {
		average, parameters, pieces, status uintptr
		keep, take                          float32
		skip                                int32
	}{o.arenas.Average.Pointer(), o.arenas.Parameters.Pointer(), o.averaged.Pointer(), o.status.Pointer(),
		float32(o.average), float32(1 - o.average), flag(skip)})
}

// step updates the parameters of the share and, on a single GPU, the average.
func (o *Optimizer) step(gradients *cuda.Memory, skip bool) error {
	if o.count == 0 {
		return nil // more GPUs than chunks
	}
	a := struct {
		parameters, moment1, moment2, average, gradients, pieces, coefficients, status uintptr
		keep, take                                                                     float32
		skip                                                                           int32
	}{o.arenas.Parameters.Pointer(), o.arenas.Moment1.Pointer(), o.arenas.Moment2.Pointer(), 0, gradients.Pointer(),
		o.pieces.Pointer(), o.coefficients.Pointer(), o.status.Pointer(), float32(o.average), float32(1 - o.average),
		flag(skip)}
	if o.arenas.Share != nil { // the kernel counts the elements of the layout
		a.moment1 -= uintptr(4 * o.share.Start)
		a.moment2 -= uintptr(4 * o.share.Start)
	} else if o.arenas.Average != nil {
		a.average = o.arenas.Average.Pointer()
	}
	return o.launch(o.kernel.adamw, o.count*block, a)
}

func flag(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// norm writes the norm of the gradients and their factor to the status.
func (o *Optimizer) norm(gradients *cuda.Memory, divisor, clip float64) error {
	chunks := o.chunks()
	if err := o.squares(gradients); err != nil {
		return err
	}
	return o.stream.Launch(o.kernel.finish, 1, 1, struct {
		totals        uintptr
		chunks        int64
		divisor, clip float64
		status        uintptr
	}{o.totals.Pointer(), int64(chunks), divisor, clip, o.status.Pointer()})
}

// squares writes the sum of squares of each chunk. Of several GPUs each brings its chunks and zero for the others, so
// that the sum over all is exact.
func (o *Optimizer) squares(gradients *cuda.Memory) error {
	first, n := (o.share.Start-o.from)/chunk, o.share.End-o.share.Start
	chunks := (n + chunk - 1) / chunk
	if o.share.Sum != nil {
		if err := o.stream.Zero(o.totals, 0, o.totals.Size()); err != nil {
			return err
		}
	}
	if chunks > 0 {
		err := errors.Join(o.launch(o.kernel.squares, chunks*lanes, struct {
			gradients, sums uintptr
			n               int64
		}{gradients.Pointer() + uintptr(4*o.share.Start), o.sums.Pointer(), int64(n)}),
			o.launch(o.kernel.fold, chunks, struct {
				sums, totals uintptr
				chunks       int64
			}{o.sums.Pointer(), o.totals.Pointer() + uintptr(8*first), int64(chunks)}))
		if err != nil {
			return err
		}
	}
	if o.share.Sum == nil {
		return nil
	}
	return o.share.Sum(o.totals)
}

// launch queues a kernel on at least as many threads.
func (o *Optimizer) launch(f *cuda.Function, threads int, arguments any) error {
	return o.stream.Launch(f, (threads+block-1)/block, block, arguments)
}
