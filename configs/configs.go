// Package configs carries the reference of all config keys into the program:
// README.md here, which the trainer shows as "trainer help config".
package configs

import _ "embed"

// Reference is README.md.
//
//go:embed README.md
var Reference string
