// Package webstyle holds the colours that Fovea's pages share: the report and the page of serve.
package webstyle

import _ "embed"

// Colours declares the custom properties --paper, --back, --ink, --soft, --line, --link and --warn, in light and in dark.
// Text in --ink, --soft, --link or --warn has a contrast of at least 4.5 to 1 on --paper and on --back.
//
//go:embed colours.css
var Colours string
