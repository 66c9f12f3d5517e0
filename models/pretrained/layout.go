package pretrained

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"

	"fovea/internal/naming"
)

// layoutsFile says in its first lines how it is written.
//
//go:embed layouts.toml
var layoutsFile []byte

// A layout is a way of naming the parameters of a Vision Transformer.
type layout struct {
	name    string
	rows    map[string][]sum // by Fovea's name, with # and *; the first that a file has counts
	ignored []*regexp.Regexp // names that may stand beside the parameters
}

// A sum makes a parameter from tensors of a file: the terms below one another.
type sum []term

// A term is a tensor, or a part of it.
type term struct {
	name        string // "" for zeros
	factor      string // tensor to multiply with; "" for none
	transposed  bool
	part, parts int // the part-th of so many equal parts, from 1; 0: all
}

// A cleaning removes what wrappers put into a name.
type cleaning struct {
	find    *regexp.Regexp
	replace string
}

// readLayouts reads the table once. A mistake in it is a bug, so it panics.
var readLayouts = sync.OnceValues(func() ([]*layout, []cleaning) {
	var file struct {
		Clean  []struct{ Find, Replace string }
		Layout []struct {
			Name    string
			Ignored []string
			Names   map[string]any
		}
	}
	if err := toml.Unmarshal(layoutsFile, &file); err != nil {
		panic(fmt.Sprintf("layouts.toml: %v", err))
	}
	var cleanings []cleaning
	for _, c := range file.Clean {
		cleanings = append(cleanings, cleaning{regexp.MustCompile(c.Find), c.Replace})
	}
	var layouts []*layout
	for _, l := range file.Layout {
		out := &layout{name: l.Name, rows: map[string][]sum{}}
		for _, pattern := range l.Ignored {
			out.ignored = append(out.ignored, naming.Pattern(pattern))
		}
		for name, value := range l.Names {
			list, ok := value.([]any)
			if !ok {
				list = []any{value}
			}
			for _, text := range list {
				out.rows[name] = append(out.rows[name], parseSum(text.(string)))
			}
		}
		layouts = append(layouts, out)
	}
	return layouts, cleanings
})

var termForm = regexp.MustCompile(`^([^\s'\[]+)('?)(?:\[(\d+)/(\d+)\])?(?: \* (\S+))?$`)

func parseSum(text string) (s sum) {
	for part := range strings.SplitSeq(text, " + ") {
		if part == "0" {
			s = append(s, term{})
			continue
		}
		m := termForm.FindStringSubmatch(part)
		if m == nil {
			panic(fmt.Sprintf("layouts.toml: %q is not written as its first lines say", text))
		}
		t := term{name: m[1], transposed: m[2] != "", factor: m[5]}
		t.part, _ = strconv.Atoi(m[3])
		t.parts, _ = strconv.Atoi(m[4])
		s = append(s, t)
	}
	return s
}

// tensors returns the names of the tensors that a sum needs.
func (s sum) tensors() (names []string) {
	for _, t := range s {
		for _, name := range []string{t.name, t.factor} {
			if name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// sums returns the ways in which a layout makes a parameter.
func (l *layout) sums(parameter string) []sum {
	parts := strings.Split(parameter, ".")
	block := slices.IndexFunc(parts, isNumber)
	number := ""
	if block >= 0 {
		number, parts[block] = parts[block], "#"
	}
	last := parts[len(parts)-1]
	rows, ok := l.rows[strings.Join(parts, ".")]
	if !ok && (last == "weight" || last == "bias") {
		parts[len(parts)-1] = "*"
		rows = l.rows[strings.Join(parts, ".")]
	}
	if rows == nil {
		return []sum{{{name: parameter}}}
	}
	fill := strings.NewReplacer("#", number, "*", last)
	out := make([]sum, len(rows))
	for i, row := range rows {
		out[i] = slices.Clone(row)
		for k := range row {
			out[i][k].name, out[i][k].factor = fill.Replace(row[k].name), fill.Replace(row[k].factor)
		}
	}
	return out
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 32)
	return err == nil
}
