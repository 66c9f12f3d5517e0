package config

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"fovea/configs"
)

// configs/README.md lists exactly the keys of Config, in its order, with their
// types and defaults.
func TestReferenceListsEveryKey(t *testing.T) {
	_, table, ok := strings.Cut(configs.Reference, "\n| key | type | default |")
	if !ok {
		t.Fatal("no table of keys")
	}
	var rows [][]string
	for _, line := range strings.Split(table, "\n")[2:] {
		if cells := strings.Split(strings.TrimPrefix(line, "|"), "|"); len(cells) > 5 {
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		}
	}
	for i, k := range keys {
		if i >= len(rows) || rows[i][0] != "`"+k.name+"`" {
			t.Fatalf("row %d is not %s", i+1, k.name)
		}
		if got, want := rows[i][1], typeName(k.typ); got != want {
			t.Errorf("%s: type %q, want %q", k.name, got, want)
		}
		section, name, nested := strings.Cut(k.name, ".")
		doc := section + " = "
		if nested {
			doc = "[" + section + "]\n" + name + " = "
		}
		r := newReader()
		r.readFile(write(t, doc+strings.Trim(rows[i][2], "`")+"\n"))
		got := k.field(r.config()).Interface()
		if err := r.err(); err != nil {
			t.Errorf("%s: default %s: %v", k.name, rows[i][2], err)
		}
		if want := k.field(Defaults()).Interface(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: default %v, want %v", k.name, got, want)
		}
		if rows[i][4] == "" {
			t.Errorf("%s: no meaning", k.name)
		}
	}
	if len(rows) != len(keys) {
		t.Errorf("%d rows, want %d: the first too many is %s", len(rows), len(keys), rows[len(keys)][0])
	}
}

func TestShippedConfigs(t *testing.T) {
	files, err := filepath.Glob("../../configs/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d config files, %v", len(files), err)
	}
	for _, file := range files {
		c, err := Read(file, nil, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		if base := strings.TrimSuffix(filepath.Base(file), ".toml"); c.Name != base {
			t.Errorf("%s: name %q, want %q", file, c.Name, base)
		}
		if !strings.Contains(configs.Reference, "`"+filepath.Base(file)+"`") {
			t.Errorf("%s is not in configs/README.md", file)
		}
	}
}
