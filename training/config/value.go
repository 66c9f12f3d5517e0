package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// typeName names the type of a key, or of an element of it.
func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Array:
		return fmt.Sprintf("%d %ss", t.Len(), typeName(t.Elem()))
	}
	panic("config: no TOML type for " + t.String())
}

// setFromTOML stores v, as a TOML decoder gives it, in field. Nothing is
// converted but an integer to a number.
func setFromTOML(field reflect.Value, v any) error {
	switch x := v.(type) {
	case string:
		if field.Kind() == reflect.String {
			field.SetString(x)
			return nil
		}
	case bool:
		if field.Kind() == reflect.Bool {
			field.SetBool(x)
			return nil
		}
	case int64:
		switch field.Kind() {
		case reflect.Int, reflect.Int64:
			if field.OverflowInt(x) {
				return fmt.Errorf("%d is too large", x)
			}
			field.SetInt(x)
			return nil
		case reflect.Float64:
			field.SetFloat(float64(x))
			return nil
		}
	case float64:
		if field.Kind() == reflect.Float64 {
			field.SetFloat(x)
			return nil
		}
	case []any:
		if field.Kind() == reflect.Array && len(x) == field.Len() {
			for i, e := range x {
				if err := setFromTOML(field.Index(i), e); err != nil {
					return fmt.Errorf("element %d: %w", i+1, err)
				}
			}
			return nil
		}
	}
	return fmt.Errorf("found %s, expected %s", describe(v), withArticle(field.Type()))
}

// setFromText parses text as field's type. Several numbers are separated by
// commas, with or without brackets.
func setFromText(field reflect.Value, text string) error {
	text = strings.TrimSpace(text)
	var err error
	switch field.Kind() {
	case reflect.String:
		field.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("found %q, expected true or false", text)
		}
		field.SetBool(text == "true")
	case reflect.Int, reflect.Int64:
		var n int64
		if n, err = strconv.ParseInt(text, 10, field.Type().Bits()); err == nil {
			field.SetInt(n)
		}
	case reflect.Float64:
		var x float64
		if x, err = strconv.ParseFloat(text, 64); err == nil {
			field.SetFloat(x)
		}
	case reflect.Array:
		list := text
		if strings.HasPrefix(list, "[") && strings.HasSuffix(list, "]") {
			list = list[1 : len(list)-1]
		}
		parts := strings.Split(list, ",")
		if len(parts) != field.Len() {
			return fmt.Errorf("found %q, expected %s, as in %q",
				text, withArticle(field.Type()), strings.Repeat(",0.5", field.Len())[1:])
		}
		for i, p := range parts {
			if err := setFromText(field.Index(i), p); err != nil {
				return fmt.Errorf("element %d: %w", i+1, err)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("found %q, expected %s", text, withArticle(field.Type()))
	}
	return nil
}

func withArticle(t reflect.Type) string {
	name := typeName(t)
	switch {
	case t.Kind() == reflect.Array:
		return name
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		return "an " + name
	}
	return "a " + name
}

func describe(v any) string {
	switch x := v.(type) {
	case string:
		return fmt.Sprintf("the string %q", x)
	case bool:
		return fmt.Sprintf("the boolean %v", x)
	case int64:
		return fmt.Sprintf("the integer %d", x)
	case float64:
		return fmt.Sprintf("the number %v", x)
	case []any:
		return fmt.Sprintf("an array of %d", len(x))
	case map[string]any:
		return "a table"
	}
	return fmt.Sprintf("%v", v) // a date or a time
}
