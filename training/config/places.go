package config

import (
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// A place tells where a file sets a key or opens a table.
type place struct {
	name string        // dotted; a part that is no bare key is quoted
	line int           // from 1
	kind unstable.Kind // KeyValue; Table for [name] and name = {…}; ArrayTable for [[name]]
}

// places returns everything that a TOML document sets, in its order. The document is known to parse. viper keeps
// neither lines nor empty tables nor the case of keys.
func places(doc []byte) []place {
	var found []place
	var p unstable.Parser
	p.Reset(doc)
	table := ""
	for p.NextExpression() {
		e := p.Expression()
		if e.Kind == unstable.KeyValue {
			found = append(found, placesOfValue(&p, e, table)...)
			continue
		}
		header := placeOf(&p, e, "")
		table = header.name + "."
		found = append(found, header)
	}
	return found
}

// placesOfValue returns the place of name = value, and of all inside value if that is an inline table.
func placesOfValue(p *unstable.Parser, keyValue *unstable.Node, prefix string) []place {
	this := placeOf(p, keyValue, prefix)
	if keyValue.Value().Kind != unstable.InlineTable {
		return []place{this}
	}
	this.kind = unstable.Table
	found := []place{this}
	for inner := keyValue.Value().Children(); inner.Next(); {
		found = append(found, placesOfValue(p, inner.Node(), this.name+".")...)
	}
	return found
}

func placeOf(p *unstable.Parser, node *unstable.Node, prefix string) place {
	var parts []string
	line := 0
	for part := node.Key(); part.Next(); {
		s := string(part.Node().Data)
		if s == "" || strings.ContainsAny(s, ". \t\"'") {
			s = strconv.Quote(s)
		}
		parts = append(parts, s)
		line = p.Shape(part.Node().Raw).Start.Line
	}
	return place{name: prefix + strings.Join(parts, "."), line: line, kind: node.Kind}
}
