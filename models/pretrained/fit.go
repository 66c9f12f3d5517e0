package pretrained

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"fovea/graphs/transfer"
	"fovea/onnx"
)

// A fit is what a layout finds at a place of a file for a model.
type fit struct {
	layout      *layout
	prefix      string
	assignments []Assignment
	report      Report

	backbone   int      // parameters of the model that pre-training has
	filled     int      // of these
	mismatched []string // reasons
	missing    []string // parameters that must not be
	left       []string // tensors that must not be left over
}

// fit matches what stands behind a prefix in a file. The head may stand outside of it.
func (l *layout) fit(file *names, prefix string, model []Parameter, head bool, allowed []*regexp.Regexp) *fit {
	x := &fit{layout: l, prefix: prefix}
	x.report = Report{Layout: l.name, Dict: strings.TrimSuffix(prefix, ".")}
	ways, used := l.ways(file, prefix, model), map[string]bool{}
	x.report.Transposed = l.transposed(file, ways, model)
	for i, p := range model {
		isHead := transfer.IsHead(p.Name)
		if !isNew(p.Name) {
			x.backbone++
		}
		way := ways[i]
		if isHead && !head {
			for _, name := range way.tensors() {
				used[name] = true
			}
			if way != nil {
				x.report.Dropped = append(x.report.Dropped, p.Name)
			}
			way = nil
		}
		if way == nil {
			x.report.Missing = append(x.report.Missing, p.Name)
			if (head || !isNew(p.Name)) && !matches(allowed, p.Name) {
				x.missing = append(x.missing, p.Name)
			}
			continue
		}
		for _, name := range way.tensors() {
			used[name] = true
		}
		a, err := assign(file, way, i, p, x.report.Transposed)
		if err != nil {
			x.mismatched = append(x.mismatched, err.Error())
			continue
		}
		x.assignments = append(x.assignments, a)
		x.report.Loaded = append(x.report.Loaded, p.Name)
		if a.Resize {
			x.report.Resized = append(x.report.Resized, p.Name)
		}
		if !isNew(p.Name) {
			x.filled++
		}
	}
	x.report.Filled, x.report.Backbone = x.filled, x.backbone
	x.leftOver(file, used, head, allowed)
	return x
}

// ways returns for each parameter the sum of tensors, by their whole names, that makes it, or nil. All blocks make a
// parameter in the same way: one that most of them can.
func (l *layout) ways(file *names, prefix string, model []Parameter) []sum {
	out := make([]sum, len(model))
	counts := map[string][]int{} // by kind of parameter, how many blocks each way is open to
	open := make([][]sum, len(model))
	for i, p := range model {
		places := []string{prefix}
		if isNew(p.Name) {
			places = parents(prefix)
		}
		sums := l.sums(p.Name)
		open[i] = make([]sum, len(sums))
		kind := kindOf(p.Name)
		if counts[kind] == nil {
			counts[kind] = make([]int, len(sums))
		}
		for k, s := range sums {
			for _, place := range places {
				if at := s.below(place); file.has(at) {
					open[i][k] = at
					counts[kind][k]++
					break
				}
			}
		}
	}
	for i, p := range model {
		n := counts[kindOf(p.Name)]
		out[i] = open[i][slices.Index(n, slices.Max(n))]
	}
	return out
}

// kindOf returns the name of a parameter without the number of its block.
func kindOf(name string) string {
	parts := strings.Split(name, ".")
	for i, part := range parts {
		if isNumber(part) {
			parts[i] = "#"
		}
	}
	return strings.Join(parts, ".")
}

// below returns the sum of tensors whose names stand behind a prefix.
func (s sum) below(prefix string) sum {
	out := slices.Clone(s)
	for i, t := range s {
		if t.name != "" {
			out[i].name = prefix + t.name
		}
		if t.factor != "" {
			out[i].factor = prefix + t.factor
		}
	}
	return out
}

func (n *names) has(s sum) bool {
	return !slices.ContainsFunc(s.tensors(), func(name string) bool {
		_, ok := n.tensors[name]
		return !ok
	})
}

// transposed reports whether a file keeps Linear weights [in,out]. Those that are not square show it.
func (l *layout) transposed(file *names, ways []sum, model []Parameter) bool {
	swapped := false
	for i, p := range model {
		if len(ways[i]) != 1 || !isMatrix(p) || p.Shape[0] == p.Shape[1] || isNew(p.Name) {
			continue
		}
		t := file.tensors[ways[i][0].name]
		if ways[i][0].transposed || len(t.Shape) != 2 {
			continue
		}
		if t.Shape[0] != p.Shape[1] || t.Shape[1] != p.Shape[0] {
			return false
		}
		swapped = true
	}
	return swapped
}

func isMatrix(p Parameter) bool { return len(p.Shape) == 2 && strings.HasSuffix(p.Name, ".weight") }

// leftOver sorts the tensors that no parameter uses. Below the prefix, those in blocks, single tensors and single layers
// would change what the model computes, so they must be known. Networks of their own, such as a decoder, may be there.
func (x *fit) leftOver(file *names, used map[string]bool, head bool, allowed []*regexp.Regexp) {
	stacks := map[string]bool{} // what stands before the numbers of blocks
	for name := range used {
		stacks[stackOf(strings.TrimPrefix(name, x.prefix))] = true
	}
	delete(stacks, "")
	known := map[string]bool{} // the norms of either pooling
	for _, name := range []string{"norm.weight", "norm.bias", "fc_norm.weight", "fc_norm.bias"} {
		for _, s := range x.layout.sums(name) {
			for _, tensor := range s.tensors() {
				known[tensor] = !head
			}
		}
	}
	root, _, nested := strings.Cut(x.prefix, ".")
	for _, name := range file.order {
		if used[name] || nested && !strings.HasPrefix(name, root+".") {
			continue
		}
		rest, inside := strings.CutPrefix(name, x.prefix)
		if !inside {
			x.report.Unexpected = append(x.report.Unexpected, strings.TrimPrefix(name, root+"."))
			continue
		}
		x.report.Unexpected = append(x.report.Unexpected, rest)
		switch {
		case !isFloat(file.tensors[name].Type), known[rest], matches(allowed, rest):
		case stacks[stackOf(rest)]:
			x.left = append(x.left, rest)
		case strings.Count(rest, ".") < 2 && !matches(x.layout.ignored, rest):
			x.left = append(x.left, rest)
		}
	}
}

// stackOf returns what stands before the first number in a name, or "".
func stackOf(name string) string {
	at := 0
	for part := range strings.SplitSeq(name, ".") {
		if isNumber(part) {
			return name[:at]
		}
		at += len(part) + 1
	}
	return ""
}

func matches(patterns []*regexp.Regexp, name string) bool {
	return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(name) })
}

// found returns the number of parameters of the backbone that are in the file, in whatever shape.
func (x *fit) found() int { return x.filled + len(x.mismatched) }

func (x *fit) whole() bool { return len(x.mismatched)+len(x.missing)+len(x.left) == 0 }

// better reports whether x explains more of the file than y, at the same place.
func (x *fit) better(y *fit) bool {
	faults := func(x *fit) int { return len(x.mismatched) + len(x.missing) + len(x.left) }
	return cmp.Or(y.found()-x.found(), faults(x)-faults(y)) < 0
}

// place names the prefix for a reader.
func (x *fit) place() string { return strings.TrimSuffix(x.prefix, ".") }

// check returns an error unless the file fills the backbone and has nothing else that the model would need.
func (x *fit) check(o Options) error {
	if x.whole() {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "the file fills %d of the %d parameters of the model's backbone; its names are most like those of the "+
		"layout %q", x.filled, x.backbone, x.layout.name)
	if x.prefix != "" {
		fmt.Fprintf(&b, ", below %.100q", x.place())
	}
	const most = 6
	for _, part := range []struct {
		what  string
		names []string
	}{{"of another shape: ", x.mismatched}, {"the file lacks ", x.missing}, {"the model lacks ", x.left}} {
		if part.names != nil {
			fmt.Fprintf(&b, "; %s%s", part.what, listOf(part.names, most))
		}
	}
	if x.mismatched == nil {
		b.WriteString(": choose the model that the file is of with model.arch, depth and pool, or name in " +
			"model.weights_allow what may be missing or left over")
	} else {
		b.WriteString(": choose the model that the file is of with model.arch, width, depth and patch")
	}
	return fmt.Errorf("%s", b.String())
}

// assign makes the sum of tensors parameter i of the model, if types and shapes fit.
func assign(file *names, way sum, i int, p Parameter, transposed bool) (Assignment, error) {
	a := Assignment{Parameter: i, to: p}
	var shape []int64
	zeros := -1
	for _, term := range way {
		if term.name == "" {
			zeros = len(a.Parts)
			a.Parts = append(a.Parts, Part{})
			continue
		}
		part := Part{Tensor: file.tensors[term.name], Transpose: term.transposed != (transposed && isMatrix(p))}
		if !isFloat(part.Tensor.Type) {
			return a, fmt.Errorf("%s is of type %s instead of a float", part.Tensor.Name, onnx.TypeName(part.Tensor.Type))
		}
		if term.factor != "" {
			factor := file.tensors[term.factor]
			if !isFloat(factor.Type) || !slices.Equal(factor.Shape, part.Tensor.Shape) {
				return a, fmt.Errorf("%s is %v and does not fit %s, which is %v", factor.Name, factor.Shape,
					part.Tensor.Name, part.Tensor.Shape)
			}
			part.Factor = &factor
		}
		if of := part.Tensor.Shape; part.Transpose && len(of) == 4 && of[0] == 1 {
			part.Tensor.Shape = []int64{of[1], of[2] * of[3]}
		}
		of := slices.Clone(part.Tensor.Shape)
		if part.Transpose {
			if len(of) != 2 {
				return a, fmt.Errorf("%s is %v and no matrix", part.Tensor.Name, of)
			}
			slices.Reverse(of)
		}
		if len(way) > 1 || term.parts > 0 {
			if len(of) == 0 {
				return a, fmt.Errorf("%s is a scalar", part.Tensor.Name)
			}
			part.To = of[0]
			if n := int64(term.parts); n > 0 {
				if of[0]%n != 0 {
					return a, fmt.Errorf("%s is %v and has no %d equal parts", part.Tensor.Name, of, n)
				}
				part.From, part.To = of[0]/n*int64(term.part-1), of[0]/n*int64(term.part)
			}
			of[0] = part.To - part.From
		}
		switch {
		case shape == nil:
			shape = of
		case len(shape) != len(of) || !slices.Equal(shape[1:], of[1:]):
			return a, fmt.Errorf("%s is %v, which cannot stand below %v", part.Tensor.Name, of, shape)
		default:
			shape[0] += of[0]
		}
		a.Parts = append(a.Parts, part)
	}
	if zeros >= 0 && shape == nil && len(p.Shape) > 0 {
		shape = slices.Clone(p.Shape)
		shape[0] = 0
	}
	if zeros >= 0 && len(shape) > 0 {
		a.Parts[zeros].To = max(0, p.Shape[0]-shape[0])
		shape[0] += a.Parts[zeros].To
	}
	if slices.Equal(squeeze(shape), squeeze(p.Shape)) {
		return a, nil
	}
	if p.Name == positions && len(p.Shape) == 3 {
		if n := len(shape); n >= 2 && shape[n-1] == p.Shape[2] && (n == 2 || n == 3 && shape[0] == 1) &&
			len(a.Parts) == 1 && tokensBefore(shape[n-2]) == tokensBefore(p.Shape[1]) && tokensBefore(p.Shape[1]) >= 0 {
			a.Resize, a.tokens = true, shape[n-2]
			return a, nil
		}
	}
	return a, fmt.Errorf("%s is %v in the file and %v in the model", describe(a.Parts), shape, p.Shape)
}

func describe(parts []Part) string {
	var names []string
	for _, part := range parts {
		if part.Tensor.Name != "" {
			names = append(names, fmt.Sprintf("%.100s", part.Tensor.Name))
		}
	}
	return strings.Join(names, " with ")
}

// squeeze returns a shape without dimensions of size 1.
func squeeze(shape []int64) []int64 {
	return slices.DeleteFunc(slices.Clone(shape), func(n int64) bool { return n == 1 })
}
