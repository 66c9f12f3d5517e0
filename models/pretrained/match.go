package pretrained

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"fovea/graphs/transfer"
	"fovea/onnx"
	"fovea/onnx/weights"
)

// A Parameter of a model has its PyTorch name. Weights of Linear layers are [out,in].
type Parameter struct {
	Name  string
	Shape []int64
}

// A Match lists the tensors that are taken from a file.
type Match struct {
	Assignments []Assignment
	Report      Report

	model []Parameter
}

// positions is the name of the position embedding [1,tokens,width].
const positions = "pos_embed"

// isNew reports whether pre-training does not have a parameter.
func isNew(name string) bool { return transfer.IsHead(name) || strings.HasPrefix(name, "fc_norm.") }

// New matches the tensors of a file with the parameters of a model. It reads names, types and shapes only. If
// allowMissing is set, the file may lack parameters. The file must stay open until the match is loaded.
func New(f *weights.File, model []Parameter, allowMissing bool) (*Match, error) {
	m := &Match{model: model}
	tensors, err := m.choose(f)
	if err != nil {
		return nil, err
	}
	m.Report.Transposed = transposed(tensors, model)
	var mismatched, missing []string
	for i, p := range model {
		t, ok := tensors[p.Name]
		if !ok {
			m.Report.Missing = append(m.Report.Missing, p.Name)
			if !isNew(p.Name) {
				missing = append(missing, p.Name)
			}
			continue
		}
		a, err := m.assign(i, t)
		if err != nil {
			mismatched = append(mismatched, err.Error())
			continue
		}
		m.Assignments = append(m.Assignments, a)
		m.Report.Loaded = append(m.Report.Loaded, p.Name)
		if a.Resize {
			m.Report.Resized = append(m.Report.Resized, p.Name)
		}
	}
	var unmatched []string // tensors of blocks
	for _, name := range m.Report.Unexpected {
		if strings.HasPrefix(name, "blocks.") {
			unmatched = append(unmatched, name)
		}
	}
	switch {
	case len(m.Assignments)+len(mismatched) == 0:
		return nil, fmt.Errorf("none of the model's %d parameters is in the file, which has %s",
			len(model), list(m.Report.Unexpected))
	case mismatched != nil:
		return nil, fmt.Errorf("the file is of another architecture than the model: %s: "+
			"see model.arch, width, depth and patch", list(mismatched))
	case unmatched != nil:
		return nil, fmt.Errorf("the file's blocks have what the model's lack: %s: see model.arch and model.depth",
			list(unmatched))
	case missing != nil && !allowMissing:
		return nil, fmt.Errorf("the file lacks %d of the model's %d parameters: %s: "+
			"choose the model that it is of, or set model.allow_missing = true to leave them random",
			len(missing), len(model), list(missing))
	}
	return m, nil
}

// choose returns the tensors that a checkpoint has for a model, without the head, by their names in the model.
func (m *Match) choose(f *weights.File) (map[string]weights.Tensor, error) {
	tensors := f.Tensors
	for _, dict := range []string{"model", "teacher"} {
		if below := f.Under(dict); below != nil {
			tensors, m.Report.Dict = below, dict
			break
		}
	}
	parameters := map[string]bool{}
	for _, p := range m.model {
		parameters[p.Name] = true
	}
	rename := strings.NewReplacer("backbone.", "", "mlp.w12.", "mlp.fc1.", "mlp.w3.", "mlp.fc2.")
	names := make([]string, len(tensors))
	for i, t := range tensors {
		names[i] = rename.Replace(t.Name)
	}
	prefix, err := commonPrefix(names, parameters)
	if err != nil {
		return nil, err
	}
	m.Report.Dict = strings.Trim(m.Report.Dict+"."+prefix, ".")
	out := map[string]weights.Tensor{}
	for i, t := range tensors {
		name := strings.TrimPrefix(names[i], prefix)
		before, twice := out[name]
		switch {
		case transfer.IsHead(name):
			m.Report.Dropped = append(m.Report.Dropped, t.Name)
		case !parameters[name]:
			m.Report.Unexpected = append(m.Report.Unexpected, name)
		case twice:
			return nil, fmt.Errorf("tensors %s and %s of the file are both called %s in the model", before.Name, t.Name,
				name)
		default:
			out[name] = t
		}
	}
	return out, nil
}

// wrappers lists the dicts and modules by which training programs, DataParallel and torch.compile wrap a model.
var wrappers = []string{"state_dict", "model_state_dict", "model_state", "state_dict_ema", "model_ema", "ema", "model",
	"module", "_orig_mod", "net", "network", "encoder", "vit", "visual", "teacher", "params", "weights"}

// commonPrefix returns what stands before most of a model's parameters in the names of a file: "" or wrappers, such as
// "state_dict.module.". Two prefixes with equally many are an error.
func commonPrefix(names []string, parameters map[string]bool) (string, error) {
	counts := map[string]int{}
	for _, name := range names {
		for at := 0; ; {
			if parameters[name[at:]] {
				counts[name[:at]]++
			}
			wrapper, _, more := strings.Cut(name[at:], ".")
			if !more || !slices.Contains(wrappers, wrapper) {
				break
			}
			at += len(wrapper) + 1
		}
	}
	best := ""
	for _, prefix := range slices.Sorted(maps.Keys(counts)) {
		if counts[prefix] > counts[best] {
			best = prefix
		}
	}
	for prefix, n := range counts {
		if n == counts[best] && prefix != best && best != "" {
			return "", fmt.Errorf("the file has %d of the model's parameters both below %.100q and below %.100q: "+
				"save those to load in a file of their own", n, min(prefix, best), max(prefix, best))
		}
	}
	return best, nil
}

// transposed reports whether a file keeps Linear weights [in,out]. Those that are not square show it.
func transposed(tensors map[string]weights.Tensor, model []Parameter) bool {
	swapped := false
	for _, p := range model {
		t, ok := tensors[p.Name]
		if !ok || !isMatrix(p) || len(t.Shape) != 2 || p.Shape[0] == p.Shape[1] {
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

// assign makes t parameter i of the model if its shape fits.
func (m *Match) assign(i int, t weights.Tensor) (Assignment, error) {
	p := m.model[i]
	a := Assignment{Parameter: i, Tensor: t, to: p}
	if _, ok := converters[t.Type]; !ok {
		return a, fmt.Errorf("%s is of type %s instead of a float", t.Name, onnx.TypeName(t.Type))
	}
	want := p.Shape
	if m.Report.Transposed && isMatrix(p) {
		a.Transpose = true
		want = []int64{p.Shape[1], p.Shape[0]}
	}
	if slices.Equal(t.Shape, want) {
		return a, nil
	}
	if p.Name == positions && len(want) == 3 && len(t.Shape) == 3 && t.Shape[0] == want[0] && t.Shape[2] == want[2] {
		if side(t.Shape[1]-1) > 0 && side(want[1]-1) > 0 {
			a.Resize = true
			return a, nil
		}
	}
	return a, fmt.Errorf("%s is %v in the file and %v in the model", t.Name, t.Shape, want)
}

// list joins the first names of a list.
func list(names []string) string {
	const most = 20
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
