package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// autoText stands for Auto in a file and on the command line.
const autoText = "auto"

// typeNames holds what errors and configs/README.md call the type of a value.
var typeNames = map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer",
	reflect.Int64: "integer", reflect.Float64: "number"}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Array:
		return fmt.Sprintf("%d %ss", t.Len(), typeName(t.Elem()))
	case reflect.Slice:
		return fmt.Sprintf("list of %ss", typeName(t.Elem()))
	}
	return typeNames[t.Kind()]
}

// typeName returns the name of the key's type.
func (k key) typeName() string { return typeName(k.Type) + k.alternative() }

// alternative returns what an error adds to the values that it expects.
func (k key) alternative() string {
	switch {
	case k.mayBeAuto():
		return fmt.Sprintf(" or %q", autoText)
	case k.mayBeNumber():
		return " or integer"
	}
	return ""
}

// parse returns the value that a TOML file would hold for text. Several numbers or strings are separated by commas, with
// or without brackets around them.
func (k key) parse(text string) (any, error) {
	text = strings.TrimSpace(text)
	switch k.Type.Kind() {
	case reflect.String:
		return text, nil
	case reflect.Slice:
		return parseStrings(text), nil
	}
	value := parse(text)
	if k.check(value) == nil {
		return value, nil
	}
	expected := withArticle(k.typeName())
	switch k.Type.Kind() {
	case reflect.Bool:
		expected = "true or false"
	case reflect.Array:
		expected += fmt.Sprintf(", as in %q", strings.Repeat(",0.5", k.Type.Len())[1:])
	}
	return nil, fmt.Errorf("found %q, expected %s", text, expected)
}

// parse returns the integer, number, boolean or list that text stands for, or else text itself.
func parse(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	if x, err := strconv.ParseFloat(text, 64); err == nil {
		return x
	}
	if text == "true" || text == "false" {
		return text == "true"
	}
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		text = text[1 : len(text)-1]
	}
	if !strings.Contains(text, ",") {
		return text
	}
	var list []any
	for part := range strings.SplitSeq(text, ",") {
		list = append(list, parse(strings.TrimSpace(part)))
	}
	return list
}

// parseStrings returns the strings of a list.
func parseStrings(text string) []any {
	text = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	list := []any{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.Trim(strings.TrimSpace(part), `"`); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// check returns an error unless value, as a TOML decoder returns it, has the type of the key.
func (k key) check(value any) error {
	if k.mayBeAuto() && value == autoText {
		return nil
	}
	if _, isNumber := value.(int64); isNumber && k.mayBeNumber() {
		return nil
	}
	if err := checkType(value, k.Type); err != nil {
		return fmt.Errorf("%w%s", err, k.alternative())
	}
	return nil
}

// checkType accepts an integer where a number is expected. Nothing else is converted.
func checkType(value any, t reflect.Type) error {
	list, isList := value.([]any)
	if isList && (t.Kind() == reflect.Array && len(list) == t.Len() || t.Kind() == reflect.Slice) {
		for i, element := range list {
			if err := checkType(element, t.Elem()); err != nil {
				return fmt.Errorf("element %d: %w", i+1, err)
			}
		}
		return nil
	}
	found, expected := "", typeName(t)
	if !isList {
		found = typeName(reflect.TypeOf(value))
	}
	if found == expected || found == "integer" && expected == "number" {
		return nil
	}
	return fmt.Errorf("found %s, expected %s", describe(value), withArticle(expected))
}

// withArticle returns a type's name as a sentence has it: "an integer", "a number", "3 numbers".
func withArticle(typeName string) string {
	switch {
	case typeName[0] <= '9':
		return typeName
	case typeName[0] == 'i':
		return "an " + typeName
	}
	return "a " + typeName
}

func describe(value any) string {
	switch x := value.(type) {
	case string, bool, int64, float64:
		return fmt.Sprintf("the %s %#v", typeName(reflect.TypeOf(x)), x)
	case []any:
		return fmt.Sprintf("an array of %d", len(x))
	case map[string]any:
		return "a table"
	}
	return fmt.Sprint(value) // a date or a time
}
