package config

import (
	"fmt"
	"reflect"
	"strings"
)

// A key is one setting: its dotted name and the field that holds it.
type key struct {
	name  string // "data.dir"
	index []int  // for reflect.Value.FieldByIndex on a Config
	typ   reflect.Type
	auto  bool // an integer that may be Auto
}

// autoText is how Auto is written.
const autoText = "auto"

// typeName is how errors and configs/README.md call the key's type.
func (k key) typeName() string {
	if k.auto {
		return typeName(k.typ) + ` or "` + autoText + `"`
	}
	return typeName(k.typ)
}

// fromTOML stores v, as a TOML decoder gives it, in field.
func (k key) fromTOML(field reflect.Value, v any) error {
	if k.auto && v == autoText {
		field.SetInt(Auto)
		return nil
	}
	return k.orAuto(setFromTOML(field, v))
}

// fromText parses text as the key's type.
func (k key) fromText(field reflect.Value, text string) error {
	if k.auto && strings.TrimSpace(text) == autoText {
		field.SetInt(Auto)
		return nil
	}
	return k.orAuto(setFromText(field, text))
}

// orAuto says what else would have been right.
func (k key) orAuto(err error) error {
	if err != nil && k.auto {
		return fmt.Errorf("%w or %q", err, autoText)
	}
	return err
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
			keys = append(keys, newKey(name, f.Index, f))
			continue
		}
		sections = append(sections, name)
		for j := range f.Type.NumField() {
			g := f.Type.Field(j)
			keys = append(keys, newKey(name+"."+g.Tag.Get("toml"), []int{i, j}, g))
		}
	}
	return keys, sections
}

func newKey(name string, index []int, f reflect.StructField) key {
	_, auto := f.Tag.Lookup("auto")
	return key{name, index, f.Type, auto}
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
