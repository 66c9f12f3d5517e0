package imported

import (
	"path/filepath"
	"strings"
	"testing"

	"fovea/graphs/importer"
)

// TestSizes: a symbol has one size in all inputs, and an axis without a name has the name of its input and its number.
func TestSizes(t *testing.T) {
	for _, c := range []struct {
		file    string
		sizes   importer.Sizes
		refusal string
	}{
		{"shared_symbol", importer.Sizes{Batch: 3}, ""},
		{"shared_symbol", importer.Sizes{Named: map[string]int64{"batch": 3}}, ""},
		{"anonymous_dim", importer.Sizes{Batch: 3, Named: map[string]int64{"x:1": 4}}, ""},
		{"anonymous_dim", importer.Sizes{Batch: 3},
			`input "x": dimension 1 has no name and no size: give it one with -dim x:1=N`},
		{"anonymous_dim", importer.Sizes{Batch: 3, Named: map[string]int64{"y": 4}}, "-dim x:1=N; sizes are given for: y"},
		{"shared_symbol", importer.Sizes{}, "give it one with -dim batch=N"},
	} {
		f, err := Open(t.Context(), filepath.Join("testdata/cases", c.file+".onnx"), c.sizes)
		switch {
		case c.refusal != "":
			if err == nil || !strings.Contains(err.Error(), c.refusal) {
				t.Errorf("%s at %+v: error %v, want one with %q", c.file, c.sizes, err, c.refusal)
			}
		case err != nil:
			t.Errorf("%s at %+v: %v", c.file, c.sizes, err)
		default:
			if _, err := f.verified(t.Context()); err != nil {
				t.Errorf("%s at %+v: %v", c.file, c.sizes, err)
			}
			f.Close()
		}
	}
}
