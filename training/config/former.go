package config

import (
	"bytes"
	"regexp"

	"github.com/pelletier/go-toml/v2"
)

// former maps keys of earlier versions to those that took their place.
var former = map[string]string{"model.allow_missing": "model.weights_allow"}

var (
	noneAllowed = regexp.MustCompile(`\ballow_missing(\s*=\s*)false\b`)
	allAllowed  = regexp.MustCompile(`\ballow_missing(\s*=\s*)true\b`)
)

// replaceFormer writes the former key of a file as today's, in the same line. Runs of earlier versions have it in their
// config.toml, and are to be resumed.
func replaceFormer(doc []byte) []byte {
	if !bytes.Contains(doc, []byte("allow_missing")) || toml.Unmarshal(doc, &map[string]any{}) != nil {
		return doc // places needs a document that parses
	}
	lines := bytes.SplitAfter(doc, []byte("\n"))
	for _, p := range places(doc) {
		if p.name == "model.allow_missing" && p.line <= len(lines) {
			line := noneAllowed.ReplaceAll(lines[p.line-1], []byte("weights_allow${1}[]"))
			lines[p.line-1] = allAllowed.ReplaceAll(line, []byte(`weights_allow${1}["*"]`))
		}
	}
	return bytes.Join(lines, nil)
}
