package labels

import (
	"fmt"
	"log/slog"
	"path"
	"regexp"
	"slices"
	"strings"
)

// LogDoubts warns of what is no error, but often a mistake: patients who are missing, written in two ways or a
// placeholder, and folders that say something else than the table.
func (t *Table) LogDoubts() {
	t.doubtPatients()
	t.doubtFolders()
}

// zeros matches those in front of a number.
var zeros = regexp.MustCompile(`(^|\D)0+(\d)`)

func (t *Table) doubtPatients() {
	if !slices.Contains(t.All.Attributes, "patient") {
		return
	}
	images := map[string]int{}
	spellings := map[string]string{} // by what is the same in "P-07", "p7" and "P 7"
	missing, alike := 0, 0
	var first, pair string
	for _, s := range t.All.Samples {
		p := t.All.Attribute(s, "patient")
		if p == "" {
			if missing++; missing == 1 {
				first = t.Relative(s.Path)
			}
			continue
		}
		if images[p]++; images[p] > 1 {
			continue
		}
		same := zeros.ReplaceAllString(strings.ReplaceAll(plain(p), "_", ""), "$1$2")
		if other, ok := spellings[same]; !ok {
			spellings[same] = p
		} else if alike++; alike == 1 {
			pair = fmt.Sprintf("%.100q and %.100q", other, p)
		}
	}
	if missing > 0 {
		slog.Warn("the patient of some images is missing: each of these images counts as a patient of its own, who may be in "+
			"several splits", "number", missing, "of", len(t.All.Samples), "first", first)
	}
	if alike > 0 {
		slog.Warn("patients look like one, but are written in two ways: they count as two", "number", alike, "first", pair)
	}
	const few = 20
	for p, n := range images {
		if n > few && 10*n > len(t.All.Samples) {
			slog.Warn("one patient has very many images: they get one split and count as one case; a placeholder for unknown "+
				"patients has to be an empty cell", "patient", p, "images", n, "of", len(t.All.Samples))
		}
	}
}

func (t *Table) doubtFolders() {
	classes := map[string]bool{}
	for _, c := range t.All.Classes {
		classes[plain(c)] = true
	}
	contradicted, inSplits := 0, 0
	var first string
	for _, s := range t.All.Samples {
		rel := t.Relative(s.Path)
		folders := strings.Split(path.Dir(rel), "/")
		class := plain(t.All.Classes[s.Class])
		if slices.ContainsFunc(folders, func(f string) bool { return classes[plain(f)] && plain(f) != class }) &&
			!slices.ContainsFunc(folders, func(f string) bool { return plain(f) == class }) {
			if contradicted++; contradicted == 1 {
				first = fmt.Sprintf("%.200s is %.100q", rel, t.All.Classes[s.Class])
			}
		}
		if split, ok := splitOf(folders[0]); ok && split != "" {
			inSplits++
		}
	}
	if contradicted > 0 {
		slog.Warn("images lie in the folder of another class than the table says: the table counts", "number", contradicted,
			"first", first)
	}
	given := slices.ContainsFunc(t.Given, func(g string) bool { return g != "" })
	if inSplits == len(t.All.Samples) && !given {
		slog.Warn("the images lie in folders that are called as splits, but the table says no splits: the folders do not "+
			"count", "remedy", "add a column split to the table to keep them")
	}
}
