package config

import (
	"fmt"
	"slices"
	"strings"
)

// Nearest returns the known name that a person most likely meant by name, or "" if none is close. A close one differs
// in at most a third of the letters of name, or in two if it is short.
func Nearest(name string, known []string) string {
	if len(name) > 100 { // no slip of the hand; the distance takes time in proportion
		return ""
	}
	best, bestDistance := "", max(2, len(name)/3)+1
	for _, k := range known {
		d := distance(name, k)
		if last := distance(lastPart(name), lastPart(k)) + 1; strings.Contains(k, ".") && last < d {
			d = last // the right key in a wrong or missing section
		}
		if d < bestDistance && d < max(len(name), len(k)) {
			best, bestDistance = k, d
		}
	}
	return best
}

func lastPart(key string) string { return key[strings.LastIndex(key, ".")+1:] }

// distance returns the least number of letters to insert, delete, replace or swap with their neighbour that turns a
// into b (optimal string alignment).
func distance(a, b string) int {
	var before []int // row i-2
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// unknownKey returns the error for a key that Config lacks, with the keys of its section.
func unknownKey(name string) error {
	if now := former[name]; now != "" {
		return fmt.Errorf("is now called %s", now)
	}
	err := unknown("key", name, keyNames(""))
	if section, _, ok := strings.Cut(name, "."); ok && slices.Contains(sections, section) {
		names := strings.Join(keyNames(section+"."), ", ")
		err = fmt.Errorf("%w; [%s] has %s", err, section, strings.ReplaceAll(names, section+".", ""))
	}
	return err
}

// unknown returns the error for a name that is none of those known.
func unknown(what, name string, known []string) error {
	if n := Nearest(name, known); n != "" {
		return fmt.Errorf("unknown %s, did you mean %s?", what, n)
	}
	return fmt.Errorf("unknown %s", what)
}
