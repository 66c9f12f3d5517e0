package config

import (
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// A place is where a key or a table's header stands in a file.
type place struct {
	name  string // dotted; parts that are no bare keys are quoted
	line  int
	table bool // [name], or name = {…}
	array bool // [[name]]
}

// places lists what a TOML document, known to parse, sets, in its order. viper
// keeps neither lines nor empty tables nor the case of keys.
func places(doc []byte) []place {
	var found []place
	var p unstable.Parser
	p.Reset(doc)
	prefix := ""
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			name, line := keyOf(&p, e, "")
			prefix = name + "."
			found = append(found, place{name, line, true, e.Kind == unstable.ArrayTable})
		case unstable.KeyValue:
			found = appendValue(found, &p, e, prefix)
		}
	}
	return found
}

func appendValue(found []place, p *unstable.Parser, keyValue *unstable.Node, prefix string) []place {
	name, line := keyOf(p, keyValue, prefix)
	value := keyValue.Value()
	if value.Kind != unstable.InlineTable {
		return append(found, place{name: name, line: line})
	}
	found = append(found, place{name: name, line: line, table: true})
	for inner := value.Children(); inner.Next(); {
		found = appendValue(found, p, inner.Node(), name+".")
	}
	return found
}

// keyOf returns the dotted name and the line of a table's or a value's key.
func keyOf(p *unstable.Parser, n *unstable.Node, prefix string) (name string, line int) {
	var parts []string
	for part := n.Key(); part.Next(); {
		s := string(part.Node().Data)
		if s == "" || strings.ContainsAny(s, ". \t\"'") {
			s = strconv.Quote(s)
		}
		parts = append(parts, s)
		line = p.Shape(part.Node().Raw).Start.Line
	}
	return prefix + strings.Join(parts, "."), line
}
