package config

import (
	"reflect"
	"strings"
)

// A key is one setting: its dotted name and the field that holds it.
type key struct {
	name  string // "data.dir"
	index []int  // for reflect.Value.FieldByIndex on a Config
	typ   reflect.Type
}

// env returns the environment variable that sets the key.
func (k key) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_"))
}

// field returns the key's field in c, settable.
func (k key) field(c *Config) reflect.Value {
	return reflect.ValueOf(c).Elem().FieldByIndex(k.index)
}

// keys are all settings in the order of Config's fields; sections their tables.
var keys, sections = schema()

func schema() (keys []key, sections []string) {
	t := reflect.TypeFor[Config]()
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("toml")
		if f.Type.Kind() != reflect.Struct {
			keys = append(keys, key{name, f.Index, f.Type})
			continue
		}
		sections = append(sections, name)
		for j := range f.Type.NumField() {
			g := f.Type.Field(j)
			keys = append(keys, key{name + "." + g.Tag.Get("toml"), []int{i, j}, g.Type})
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

// keyNames returns the names of the keys that match.
func keyNames(match func(name string) bool) []string {
	var names []string
	for _, k := range keys {
		if match(k.name) {
			names = append(names, k.name)
		}
	}
	return names
}
