package memory

import (
	"fmt"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/graphs/cost"
	"fovea/onnx/engine"
	"fovea/training/config"
	"fovea/training/optim"
)

// A Need is the memory of a run in bytes, computed from its graphs. docs/speed.md compares it with what processes took.
type Need struct {
	arenas int64 // parameters and what goes with them
	image  int64 // for each image of a batch: values, and what the loaders hold

	// While model.onnx is opened, before there are arenas: its parameters, and for each image of a batch its values. 0:
	// there is none.
	file, opens int64
}

const (
	// processMemory covers everything else: program, runtime, graphs, and images that are being decoded.
	processMemory = 256 << 20
	// gaps counts the largest values that would fit between all values, which the runtime cannot pack tightly: 5 to 11
	// were measured.
	gaps = 12
	// loaded counts the copies of a batch's images: in the buffers of the loaders of train and val, and as inputs.
	loaded = 8
)

// Of returns the memory of a run at a batch size, in bytes.
func (n Need) Of(batch int) int64 {
	return processMemory + max(n.arenas+int64(batch)*n.image, n.file+int64(batch)*n.opens)
}

// Largest returns the largest batch that needs no more than memory bytes, 0 if none does.
func (n Need) Largest(memory int64) int {
	memory -= processMemory
	batch := (memory - n.arenas) / n.image
	if n.opens > 0 {
		batch = min(batch, (memory-n.file)/n.opens)
	}
	return int(max(batch, 0))
}

// A Run describes what a run holds in memory.
type Run struct {
	Config   *config.Config
	Layout   optim.Layout
	Training *graphs.Graph   // one step
	Others   []*graphs.Graph // those whose sessions exist at the same time
	Opened   bool            // the model comes from a file, which is run once with every value as an output
}

// Need computes the memory of a run from its graphs as an engine runs them, at the batch size of the config. The memory
// of values grows with the batch. The graphs are rewritten for the engine's device.
func (r Run) Need(e *engine.Engine) Need {
	c, batch := r.Config, int64(r.Config.Training.Batch)
	parameters := map[string]bool{}
	for _, t := range r.Layout.Params {
		parameters[t.Name], parameters[artifacts.Grad(t.Name)] = true, true
	}
	var n Need
	if r.Opened {
		for _, g := range r.Others {
			m := cost.Forward(g, func(v *graphs.Value) bool { return parameters[v.Name] })
			n.opens = max(n.opens, m.Sum/batch)
		}
	}
	values, largest := int64(0), int64(0)
	for _, g := range append(r.Others, r.Training) {
		g.Lower(e.Half(), e.Device() != nil)
		inArena := map[*graphs.Value]bool{}
		for _, v := range append(g.Inputs, g.Outputs...) {
			if parameters[v.Name] {
				inArena[v.Stored()] = true
			}
		}
		m := cost.Run(g, func(v *graphs.Value) bool { return inArena[v] })
		values += m.Peak
		largest = max(largest, m.Largest)
	}
	n.image = (values+gaps*largest)/batch + loaded*4*3*int64(c.Data.Size*c.Data.Size)

	size := int64(r.Layout.Size)
	if n.opens > 0 {
		n.file = 4 * 4 * size // mapped, in the models before and after the change of the head, and the runtime's
	}
	trained := size - int64(r.Layout.TrainedFrom()) // of the rest no page is ever written
	n.arenas = 4 * (size + 3*trained)               // parameters, gradients, two moments
	n.arenas += 4 * trained * int64(optim.SumArenas(optim.Whole(c.Training.Accumulate)))
	if c.Training.EMA > 0 {
		n.arenas += 4 * size
	}
	return n
}

// Text writes a number of bytes for people: "640 MB", "3.2 GB".
func Text(bytes int64) string {
	if bytes < 1e9 {
		return fmt.Sprintf("%.0f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
}

// mebibytes writes a number of bytes for a message.
func mebibytes(bytes int64) string { return fmt.Sprintf("%d MiB", bytes>>20) }
