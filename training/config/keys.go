package config

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"fovea/internal/naming"
)

// A key is one setting: its dotted name, such as "data.dir", and the field that holds it. Index leads from Config to
// the field.
type key struct {
	name string
	reflect.StructField
}

// keys holds all settings in the order of Config's fields, sections the names of its structs.
var keys, sections = schema()

func schema() (keys []key, sections []string) {
	for f := range reflect.TypeFor[Config]().Fields() {
		name := f.Tag.Get("toml")
		if f.Type.Kind() != reflect.Struct {
			keys = append(keys, key{name, f})
			continue
		}
		sections = append(sections, name)
		for inner := range f.Type.Fields() {
			inner.Index = slices.Concat(f.Index, inner.Index)
			keys = append(keys, key{name + "." + inner.Tag.Get("toml"), inner})
		}
	}
	return keys, sections
}

func findKey(name string) (key, bool) {
	for _, k := range keys {
		if k.name == name {
			return k, true
		}
	}
	return key{}, false
}

// keyNames returns the names of the keys that begin with prefix.
func keyNames(prefix string) []string {
	var names []string
	for _, k := range keys {
		if strings.HasPrefix(k.name, prefix) {
			names = append(names, k.name)
		}
	}
	return names
}

// field returns the key's field in c, settable.
func (k key) field(c *Config) reflect.Value {
	return reflect.ValueOf(c).Elem().FieldByIndex(k.Index)
}

// env returns the environment variable that sets the key.
func (k key) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_"))
}

// choices returns the values that a string may have, nil if it may have any.
func (k key) choices() []string {
	if text, limited := k.Tag.Lookup("choices"); limited {
		return strings.Fields(text)
	}
	return nil
}

// mayBeAuto reports whether the key is an integer that a run may choose.
func (k key) mayBeAuto() bool {
	_, auto := k.Tag.Lookup("auto")
	return auto
}

// mayBeNumber reports whether the key is a string that may stand as an integer in a file.
func (k key) mayBeNumber() bool {
	_, number := k.Tag.Lookup("number")
	return number
}

// Choices returns the values that the key of this name allows, in the order of configs/README.md, or nil if it is no
// string or allows any.
func Choices(name string) []string {
	k, _ := findKey(name)
	return k.choices()
}

// Differences returns "KEY was X, is Y" for each key, except for those named, whose value in c is another than in
// before.
func (c *Config) Differences(before *Config, except ...string) []string {
	var changes []string
	for _, k := range keys {
		was, is := k.field(before).Interface(), k.field(c).Interface()
		if !reflect.DeepEqual(was, is) && !slices.Contains(except, k.name) {
			changes = append(changes, fmt.Sprintf("%s was %v, is %v", k.name, was, is))
		}
	}
	return changes
}

// A Setting is a key with its value in each of several configs.
type Setting struct {
	Key    string
	Values []string // "" of a config that is nil
}

// Settings returns all keys with their values in configs, in the order of Config's fields.
func Settings(configs ...*Config) (out []Setting) {
	for _, k := range keys {
		s := Setting{Key: k.name}
		for _, c := range configs {
			value := ""
			if c != nil {
				if value = fmt.Sprint(k.field(c).Interface()); value == "" {
					value = `""`
				}
			}
			s.Values = append(s.Values, value)
		}
		out = append(out, s)
	}
	return out
}

// Differing returns the settings that do not have one value in all configs that are not nil, but those named.
func Differing(configs []*Config, except ...string) []Setting {
	return slices.DeleteFunc(Settings(configs...), func(s Setting) bool {
		known := slices.DeleteFunc(slices.Clone(s.Values), func(v string) bool { return v == "" })
		return len(known) == 0 || len(slices.Compact(known)) == 1 || slices.Contains(except, s.Key)
	})
}

// Portable returns a config for files that others get: its paths are those of [naming.Portable].
func (c *Config) Portable() *Config {
	out := *c
	for _, path := range []*string{&out.Data.Dir, &out.Data.Labels, &out.Data.Cache, &out.Model.ONNX, &out.Model.Weights,
		&out.Model.Teacher,
		&out.Runtime.Library, &out.Output.Dir} {
		*path = naming.Portable(*path)
	}
	return &out
}

// WriteTOML writes every key, in the order of Config's fields. Read returns an equal Config from what it writes.
func (c *Config) WriteTOML(w io.Writer) error {
	if err := toml.NewEncoder(w).Encode(c); err != nil {
		return fmt.Errorf("writing the config: %w", err)
	}
	return nil
}
