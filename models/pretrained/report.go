package pretrained

import (
	"fmt"
	"strings"
)

// A Report says how each parameter and each tensor was used.
type Report struct {
	Layout     string   // way of naming, see layouts.toml
	Dict       string   // where the model stands in the file: "model", "state_dict.module", "" for the file itself
	Others     []string // other places where the file has the whole model
	Filled     int      // parameters of the backbone that the file has, out of Backbone
	Backbone   int      // parameters that pre-training has, without the head
	Loaded     []string // parameters that are in the file
	Missing    []string // parameters that are not in the file and keep their values
	Unexpected []string // tensors that are no parameter, by the names that they would have in the model
	Resized    []string // position embeddings of another grid, among Loaded
	Dropped    []string // parameters of the head that the file has and the model does not get
	Transposed bool     // Linear weights are [in,out] in the file
}

// Attributes returns the entries that are not empty as slog's keys and values.
func (r Report) Attributes() []any {
	out := []any{"loaded", len(r.Loaded), "backbone", fmt.Sprintf("%d of %d parameters", r.Filled, r.Backbone), "layout", r.Layout}
	add := func(key, value string) {
		if value != "" {
			out = append(out, key, value)
		}
	}
	add("dict", r.Dict)
	if r.Others != nil {
		add("not taken", strings.Join(r.Others, ", ")+", with the model too: see model.weights_from")
	}
	add("new", summary(r.Missing))
	add("unexpected", summary(r.Unexpected))
	add("dropped", summary(r.Dropped))
	add("resized", summary(r.Resized))
	if r.Transposed {
		add("linear weights", "PaddlePaddle's, transposed")
	}
	return out
}

// summary counts names by their first part.
func summary(names []string) string {
	var parts []string
	counts := map[string]int{}
	for _, name := range names {
		part, _, _ := strings.Cut(name, ".")
		if counts[part]++; counts[part] == 1 {
			parts = append(parts, part)
		}
	}
	for i, part := range parts {
		if counts[part] > 1 {
			parts[i] = fmt.Sprintf("%d of %s", counts[part], part)
		}
	}
	return list(parts)
}
