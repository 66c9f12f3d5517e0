package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/graphs/transfer"
	"fovea/internal/naming"
)

// LoRA says which linear layers of a model get an adapter (Hu and others, 2021): a product of two thin matrices, which
// is trained in place of the layer's own matrix.
type LoRA struct {
	Rank  int64
	Alpha float64 // adapters are multiplied with Alpha/Rank
	// Targets are names of layers, or their ends behind a dot or slash, such as "attn.qkv". * stands for any text.
	Targets []string
}

// An Adapted is a model with adapters beside some of its linear layers. Those of the layer NAME are NAME.lora_A.weight
// [Rank,In] and NAME.lora_B.weight [Out,Rank], as peft calls them.
type Adapted struct {
	Model
	rank     int64
	scale    float64
	adapters []adapter
}

type adapter struct {
	graphs.LinearLayer
	matrix transfer.Parameter
}

const (
	adapterA = ".lora_A.weight"
	adapterB = ".lora_B.weight"
)

// layerName returns the name of the layer that a parameter is the weight of.
func layerName(parameter string) string { return strings.TrimSuffix(parameter, ".weight") }

// IsAdapter reports whether a parameter belongs to an adapter.
func IsAdapter(name string) bool {
	return strings.HasSuffix(name, adapterA) || strings.HasSuffix(name, adapterB)
}

// AddLoRA returns the model with adapters. It returns an error if a target names no linear layer below the head. batch
// is one that the model can have.
func AddLoRA(m Model, o LoRA, batch int64) (*Adapted, error) {
	f, err := m.Forward("adapters", batch, artifacts.Whole, false)
	if err != nil {
		return nil, err
	}
	out := &Adapted{Model: m, rank: o.Rank, scale: o.Alpha / float64(o.Rank)}
	for _, target := range o.Targets {
		ends := naming.Pattern(target)
		found := false
		for _, p := range m.Parameters() {
			if name := layerName(p.Name); transfer.IsHead(p.Name) || len(p.Shape) < 2 || !endsWith(name, ends.MatchString) {
				continue
			}
			found = true
			i := slices.IndexFunc(f.Parameters, func(v *graphs.Value) bool { return v.Name == p.Name })
			if i < 0 || slices.ContainsFunc(out.adapters, func(a adapter) bool { return a.matrix.Name == p.Name }) {
				continue
			}
			l, err := f.Graph.LinearLayer(f.Parameters[i])
			if err != nil {
				return nil, fmt.Errorf("model.lora_targets: %q: %w", target, err)
			}
			if o.Rank > min(l.In, l.Out) {
				return nil, fmt.Errorf("model.lora_rank %d is above the sides of %s, %d and %d", o.Rank, p.Name, l.In, l.Out)
			}
			out.adapters = append(out.adapters, adapter{l, p})
		}
		if !found {
			return nil, fmt.Errorf("model.lora_targets: %q is no layer of the model, whose layers are called such as %s",
				target, layerName(someMatrix(m)))
		}
	}
	return out, nil
}

// endsWith reports whether a name, or what stands behind one of its dots or slashes, matches.
func endsWith(name string, matches func(string) bool) bool {
	for !matches(name) {
		i := strings.IndexAny(name, "./")
		if i < 0 {
			return false
		}
		name = name[i+1:]
	}
	return true
}

// someMatrix returns the name of a matrix in the middle of a model.
func someMatrix(m Model) (name string) {
	all := m.Parameters()
	for _, p := range all[:len(all)/2+1] {
		if len(p.Shape) == 2 {
			name = p.Name
		}
	}
	return name
}

// Parameters returns those of the model, then the adapters.
func (m *Adapted) Parameters() []transfer.Parameter {
	list := slices.Clone(m.Model.Parameters())
	for _, a := range m.adapters {
		p := transfer.Parameter{Layer: a.matrix.Layer, Decay: true}
		p.Name, p.Shape = layerName(a.matrix.Name)+adapterA, []int64{m.rank, a.In}
		list = append(list, p)
		p.Name, p.Shape = layerName(a.matrix.Name)+adapterB, []int64{a.Out, m.rank}
		list = append(list, p)
	}
	return list
}

// Forward adds the adapters to the model's forward pass.
func (m *Adapted) Forward(name string, batch int64, part artifacts.Part, training bool) (*artifacts.Forward, error) {
	f, err := m.Model.Forward(name, batch, part, training)
	if err != nil {
		return nil, err
	}
	matrices := map[string]*graphs.Value{}
	for _, v := range f.Parameters {
		matrices[v.Name] = v
	}
	for _, x := range m.adapters {
		w := matrices[x.matrix.Name]
		if w == nil { // not in this part of the model
			continue
		}
		a := f.Graph.Input(layerName(w.Name)+adapterA, graphs.Float32, m.rank, x.In)
		b := f.Graph.Input(layerName(w.Name)+adapterB, graphs.Float32, x.Out, m.rank)
		f.Graph.AddLowRank(w, a, b, m.scale)
		f.Parameters = append(f.Parameters, a, b)
	}
	return f, f.Graph.Err()
}

// Initialize draws the first matrix of an adapter as peft does, uniformly between ±1/√In. The second is 0, so that an
// untrained adapter changes nothing.
func (m *Adapted) Initialize(i int, values []float32, seed uint64) {
	own := i - len(m.Model.Parameters())
	if own < 0 {
		m.Model.Initialize(i, values, seed)
		return
	}
	if own%2 == 1 {
		clear(values)
		return
	}
	rng := rand.New(rand.NewPCG(seed, uint64(i)))
	bound := 1 / math.Sqrt(float64(m.adapters[own/2].In))
	for k := range values {
		values[k] = float32(bound * (2*rng.Float64() - 1))
	}
}

// Merge adds the adapters to the matrices that they stand beside. values returns the values of a parameter.
func (m *Adapted) Merge(values func(name string) []float32) {
	for _, x := range m.adapters {
		name := layerName(x.matrix.Name)
		w, a, b := values(x.matrix.Name), values(name+adapterA), values(name+adapterB)
		row := make([]float64, x.In)
		for o := range x.Out {
			clear(row)
			for k := range m.rank {
				factor := m.scale * float64(b[o*m.rank+k])
				for i, v := range a[k*x.In : (k+1)*x.In] {
					row[i] += factor * float64(v)
				}
			}
			for i, v := range row {
				at := o*x.In + int64(i)
				if x.InputFirst {
					at = int64(i)*x.Out + o
				}
				w[at] = float32(float64(w[at]) + v)
			}
		}
	}
}
