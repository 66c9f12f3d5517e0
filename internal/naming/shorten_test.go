package naming

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestShorten(t *testing.T) {
	x := strings.Repeat("x", 1<<20)
	for _, c := range []struct{ message, want string }{
		{"short " + x[:290], "short " + x[:290]},
		{strings.Repeat("word ", 100), strings.Repeat("word ", 100)},
		{"node " + x + ": remedy", "node " + x[:180] + "… (1048307 characters left out) …" + x[:89] + ": remedy"},
		{"key " + fmt.Sprintf("%q", strings.Repeat("a \"", 1000)) + " is unknown", "is unknown"},
		{"shape [" + strings.Repeat("1 ", 1<<20) + "]: remedy", "]: remedy"},
		{strings.Repeat("line\n", 1000), strings.Repeat("line\n", 50) + "… and 950 lines more"},
		{strings.Repeat(strings.Repeat("ä", 400)+"\n", 2), "… (130 characters left out) …"},
		{x + "\xff" + x, "characters left out"},
	} {
		got := Shorten(c.message)
		if !strings.Contains(got, c.want) || utf8.RuneCountInString(got) > 1300 {
			t.Errorf("%.50q: %.2000q", c.message, got)
		}
	}
}
