package inspect

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"fovea/onnx"
	"fovea/onnx/weights"
)

// Weights holds the contents of a weight file.
type Weights struct {
	Metadata      map[string]string `json:"metadata"`
	Total         Tally             `json:"total"`
	Types         map[string]int    `json:"types"`    // tensors by element type
	Prefixes      []Prefix          `json:"prefixes"` // in the file's order
	Tensors       []Value           `json:"tensors"`
	Architectures []Architecture    `json:"architectures"`        // that model.arch can name for this file
	Unloadable    string            `json:"unloadable,omitempty"` // reason why there are none
	Trained       *Trained          `json:"trained,omitempty"`    // the classifier that commands take with -model
	Untrained     string            `json:"untrained,omitempty"`  // reason why there is none
}

// A Prefix sums up the tensors whose names begin with it.
type Prefix struct {
	Prefix string `json:"prefix"`
	Tally
}

func readWeights(path string) (*Weights, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	w := &Weights{Metadata: f.Metadata, Types: map[string]int{}}
	var names [][]string
	var counts []Tally
	for _, t := range f.Tensors {
		n, err := onnx.NumElements(t.Shape)
		if err != nil {
			return nil, err
		}
		size, err := onnx.DataSize(t.Type, t.Shape)
		if err != nil {
			return nil, err
		}
		w.Total.add(n, size)
		w.Types[onnx.TypeName(t.Type)]++
		w.Tensors = append(w.Tensors, Value{t.Name, onnx.TypeName(t.Type), sizes(t.Shape)})
		names, counts = append(names, strings.Split(t.Name, ".")), append(counts, Tally{1, n, size})
	}
	w.Prefixes = group(names, counts)
	if w.Architectures, err = architectures(f, path); err != nil {
		w.Unloadable = err.Error()
		return w, nil
	}
	if w.Trained, err = trainedIn(f); err != nil {
		w.Untrained = err.Error()
	}
	return w, nil
}

// mostParts is the number of parts of a name that a prefix has at most.
const mostParts = 32

// mostPrefixes is the number of prefixes that a report has at most, if a depth allows it.
const mostPrefixes = 24

// group sums up tensors by the first parts of their names. It uses as many parts as give at most mostPrefixes lines.
func group(names [][]string, counts []Tally) []Prefix {
	var best []Prefix
	for depth := 1; ; depth++ {
		var list []Prefix
		index := map[string]int{}
		deeper := false
		for k, name := range names {
			deeper = deeper || len(name) > depth+1
			prefix := strings.Join(name[:min(depth, len(name))], ".")
			i, ok := index[prefix]
			if !ok {
				i = len(list)
				index[prefix] = i
				list = append(list, Prefix{Prefix: prefix})
			}
			list[i].add(counts[k].Elements, counts[k].Bytes)
		}
		if best != nil && len(list) > mostPrefixes {
			return best
		}
		if best = list; !deeper || depth == mostParts {
			return best
		}
	}
}

// types lists the element types, the most frequent first.
func (w *Weights) types() []string {
	return slices.SortedFunc(maps.Keys(w.Types), func(a, b string) int {
		return cmp.Or(w.Types[b]-w.Types[a], strings.Compare(a, b))
	})
}
