// Package configs carries the description of all config keys and the recipes into the program.
package configs

import "embed"

// Reference holds README.md, which "trainer help config" prints.
//
//go:embed README.md
var Reference string

// Recipes holds recipes/NAME.toml for each value of the key recipe: the defaults of the other keys.
//
//go:embed recipes/*.toml
var Recipes embed.FS
