package pretrained

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fovea/onnx/pb"
	"fovea/onnx/weights"
)

// names finds a file's tensors by their names, without what wrappers put into these.
type names struct {
	tensors map[string]weights.Tensor
	order   []string // in the file's
}

func newNames(f *weights.File) *names {
	n := &names{tensors: map[string]weights.Tensor{}}
	for _, t := range f.Tensors {
		n.order = append(n.order, t.Name)
	}
	_, cleanings := readLayouts()
	for _, c := range cleanings {
		cleaned, seen := make([]string, len(n.order)), map[string]bool{}
		for i, name := range n.order {
			cleaned[i] = c.find.ReplaceAllString(name, c.replace)
			seen[cleaned[i]] = true
		}
		if len(seen) == len(n.order) { // else the parts tell tensors apart
			n.order = cleaned
		}
	}
	for i, t := range f.Tensors {
		n.tensors[n.order[i]] = t
	}
	return n
}

// contents says in short what is in the file.
func (n *names) contents() string {
	if len(n.order) == 0 {
		return "no tensors"
	}
	counts := map[string]int{}
	for _, name := range n.order {
		first, _, nested := strings.Cut(name, ".")
		if nested {
			first += "."
		}
		counts[first]++
	}
	var parts []string
	for _, first := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	}) {
		parts = append(parts, fmt.Sprintf("%d of %.100s", counts[first], first))
	}
	return fmt.Sprintf("%d tensors: %s", len(n.order), listOf(parts, 8))
}

// prefixes returns what stands before names of parameters in a file, where most are found first. Places with less than
// half as many are left out.
func (l *layout) prefixes(file *names, model []Parameter) []string {
	needed := map[string][]int{} // parameters by a tensor that they may be made from
	for i, p := range model {
		if isNew(p.Name) {
			continue
		}
		for _, s := range l.sums(p.Name) {
			for _, name := range s.tensors() {
				needed[name] = append(needed[name], i)
			}
		}
	}
	found := map[string]map[int]bool{}
	for _, name := range file.order {
		for at := 0; ; {
			for _, i := range needed[name[at:]] {
				if found[name[:at]] == nil {
					found[name[:at]] = map[int]bool{}
				}
				found[name[:at]][i] = true
			}
			dot := strings.IndexByte(name[at:], '.')
			if dot < 0 {
				break
			}
			at += dot + 1
		}
	}
	const most = 16
	list := slices.SortedFunc(maps.Keys(found), func(a, b string) int {
		return cmp.Or(len(found[b])-len(found[a]), strings.Compare(a, b))
	})
	for i, prefix := range list {
		if i == most || 2*len(found[prefix]) < len(found[list[0]]) {
			return list[:i]
		}
	}
	return list
}

// parents returns a prefix and those that contain it: "a.b.", "a." and "".
func parents(prefix string) []string {
	out := []string{prefix}
	for prefix != "" {
		prefix = prefix[:strings.LastIndexByte(strings.TrimSuffix(prefix, "."), '.')+1]
		out = append(out, prefix)
	}
	return out
}

// isFloat reports whether elements of a type can be parameters. Integers beside them are indices and counts.
func isFloat(t pb.TensorProto_DataType) bool { return converters[t] != nil }
