// Package naming finds and quotes names that may be written in different normal forms of Unicode.
package naming

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// An Index finds names in a list.
type Index struct {
	names  []string
	exact  map[string]int
	folded map[string]int // -1: several names; made when a name is first not found
}

// NewIndex returns an index of names. Of equal names the last counts.
func NewIndex(names []string) *Index {
	x := &Index{names: names, exact: make(map[string]int, len(names))}
	for i, name := range names {
		x.exact[name] = i
	}
	return x
}

// Find returns the index of name. If no name is the same, it returns the only one that differs by spaces around it or
// by its normal form: "é" may be one character, or "e" with an accent behind it, as file systems of macOS have it.
func (x *Index) Find(name string) (int, bool) {
	if i, ok := x.exact[name]; ok {
		return i, true
	}
	if x.folded == nil {
		x.folded = make(map[string]int, len(x.names))
		for i, n := range x.names {
			f := Fold(n)
			if j, ok := x.folded[f]; ok && x.names[max(j, 0)] != n {
				i = -1
			}
			x.folded[f] = i
		}
	}
	i, ok := x.folded[Fold(name)]
	return i, ok && i >= 0
}

// Match returns for each name of a the index of the same name of b, or -1. Names that are left over in both lists match
// as [Index.Find] allows, if each is the only one in its list.
func Match(a, b []string) []int {
	out := make([]int, len(a))
	exact := NewIndex(b).exact
	left := map[string][2][]int{} // by folded name: indices in a and in b
	taken := make([]bool, len(b))
	for i, name := range a {
		j, ok := exact[name]
		if out[i] = j; ok {
			taken[j] = true
			continue
		}
		out[i] = -1
		f := Fold(name)
		left[f] = [2][]int{append(left[f][0], i)}
	}
	for j, name := range b {
		if len(left) == 0 {
			break
		}
		f := Fold(name)
		if l, ok := left[f]; ok && !taken[j] && exact[name] == j {
			left[f] = [2][]int{l[0], append(l[1], j)}
		}
	}
	for _, l := range left {
		if len(l[0]) == 1 && len(l[1]) == 1 {
			out[l[0][0]] = l[1][0]
		}
	}
	return out
}

// Unmatched returns the names of b that no index of a [Match] names.
func Unmatched(match []int, b []string) []string {
	taken := make(map[string]bool, len(match))
	for _, j := range match {
		if j >= 0 {
			taken[b[j]] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(b), func(name string) bool { return taken[name] })
}

// Fold returns a name in normal form NFC, without spaces around it.
func Fold(name string) string { return norm.NFC.String(strings.TrimSpace(name)) }

// Quote returns a name in quotes for a message. What is not in normal form NFC is escaped, so that names which look the
// same are told apart.
func Quote(name string) string {
	if norm.NFC.IsNormalString(name) {
		return strconv.Quote(name)
	}
	return strconv.QuoteToASCII(name)
}

// List joins names for a message, at most twenty of them, and quotes those that [Quote] escapes.
func List(names []string) string {
	const most = 20
	var out []string
	for _, name := range names[:min(len(names), most)] {
		if !norm.NFC.IsNormalString(name) {
			name = Quote(name)
		}
		out = append(out, fmt.Sprintf("%.100s", name))
	}
	if len(names) > most {
		out = append(out, fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(out, ", ")
}

// Twins returns two names that are the same but for Unicode's normal form, if there are such names.
func Twins(names []string) (a, b string, ok bool) {
	first := map[string]string{}
	for _, name := range names {
		n := norm.NFC.String(name)
		if a, ok := first[n]; ok {
			return a, name, true
		}
		first[n] = name
	}
	return "", "", false
}

// Locate returns path if there is such a file, else the only file whose path differs as [Index.Find] allows, else path.
// It asks the file system only for a path that has spaces around it or other characters than ASCII.
func Locate(path string) string {
	plain := strings.TrimSpace(path) == path && strings.IndexFunc(path, func(r rune) bool { return r > 127 }) < 0
	if plain {
		return path
	}
	if _, err := os.Lstat(path); err == nil {
		return path
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	parent = Locate(parent)
	entries, err := os.ReadDir(parent)
	if err != nil {
		return path
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	if i, ok := NewIndex(names).Find(filepath.Base(path)); ok {
		return filepath.Join(parent, names[i])
	}
	return path
}
