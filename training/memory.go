package training

import (
	"fmt"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/graphs/cost"
)

// need is the memory of a run in bytes, reckoned from its graphs. What it gave
// and what processes took: docs/speed.md.
type need struct {
	arenas int64 // parameters and what goes with them
	image  int64 // for each image of a batch: values, and what the loaders hold

	// While model.onnx is opened, before there are arenas: its parameters, and for
	// each image of a batch its values. 0: there is none.
	file, opens int64
}

const (
	// processMemory is that of everything else: program, runtime, graphs, images
	// that are being decoded.
	processMemory = 256 << 20
	// gaps is how many of the largest values would fit into what lies between the
	// values: 5 to 11 were measured.
	gaps = 12
	// loaded is how often the images of a batch are there: in the buffers of the
	// loaders of train and val, and as inputs.
	loaded = 8
)

// of is the memory of a run at a batch size.
func (n need) of(batch int) int64 {
	return processMemory + max(n.arenas+int64(batch)*n.image, n.file+int64(batch)*n.opens)
}

// largest is the largest batch that needs no more than some memory.
func (n need) largest(memory int64) int {
	memory -= processMemory
	batch := (memory - n.arenas) / n.image
	if n.opens > 0 {
		batch = min(batch, (memory-n.file)/n.opens)
	}
	return int(max(batch, 0))
}

// need reckons from the graphs as an engine runs them, at the batch of the config:
// the memory of values grows with the batch.
func (p *setup) need(e *engine) (n need, err error) {
	batch := int64(p.config.Training.Batch)
	parameters := map[string]bool{}
	for _, t := range p.layout.Params {
		parameters[t.Name], parameters[artifacts.Grad(t.Name)] = true, true
	}
	build := artifacts.Eval
	if p.probes() {
		build = artifacts.ProbeEval
	}
	graph, err := p.trainingGraph()
	if err != nil {
		return n, err
	}
	eval, err := build(p.network, batch)
	if err != nil {
		return n, err
	}
	all := []*graphs.Graph{graph, eval} // whose sessions are there at the same time
	if p.probes() {
		backbone, err := artifacts.Backbone(p.network, batch)
		if err != nil {
			return n, err
		}
		all = append(all, backbone)
	}
	values, largest := int64(0), int64(0)
	for _, g := range all {
		if p.config.Model.ONNX != "" && g != graph { // opening runs it once with every value as an output
			n.opens = max(n.opens, cost.Forward(g, func(v *graphs.Value) bool { return parameters[v.Name] }).Sum/batch)
		}
		e.mix(g)
		if e.device == nil {
			g.ForCPU()
		}
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
	n.image = (values+gaps*largest)/batch + loaded*4*3*int64(p.config.Data.Size*p.config.Data.Size)

	size := int64(p.layout.Size)
	if n.opens > 0 {
		n.file = 4 * 4 * size // mapped, in the models before and after the change of the head, and the runtime's
	}
	trained := size - int64(p.layout.TrainedFrom()) // of the rest no page is ever written
	n.arenas = 4 * (size + 3*trained)               // parameters, gradients, two moments
	if p.config.Training.Accumulate > 1 {
		n.arenas += 4 * trained
	}
	if p.config.Training.EMA > 0 {
		n.arenas += 4 * size
	}
	return n, nil
}

// mebibytes is how messages give memory.
func mebibytes(bytes int64) string { return fmt.Sprintf("%d MiB", bytes>>20) }
