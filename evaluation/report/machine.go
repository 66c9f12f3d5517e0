package report

import (
	"cmp"
	"fmt"
	"runtime"
	"strings"

	"fovea/internal/machine"
)

// Facts returns the versions and the machine, with the facts of the computation in between. version is the program's.
func Facts(version string, computed ...Fact) []Fact {
	out := append([]Fact{{"Fovea", cmp.Or(version, "(unknown)")}, {"Go", runtime.Version()}}, computed...)
	return append(out, Fact{"Processor", fmt.Sprintf("%s, %d cores", machine.Processor(), runtime.NumCPU())},
		Fact{"System", runtime.GOOS + "/" + runtime.GOARCH})
}

// Line returns words as a line for a POSIX shell.
func Line(words ...string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("/._-=+:,@%", c)
	}
	var out []string
	for _, s := range words {
		if s == "" || strings.IndexFunc(s, func(c rune) bool { return !plain(c) }) >= 0 {
			s = "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}
