package naming

import (
	"regexp"
	"strings"
)

// Pattern returns an expression for whole names in which * stands for any text.
func Pattern(text string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(text), `\*`, ".*") + "$")
}
