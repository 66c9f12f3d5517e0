package labels

import (
	"fmt"
	"log/slog"
	"slices"

	"fovea/data"
	"fovea/data/splits"
	"fovea/internal/naming"
)

// A Division says how the images of a [Table] become splits.
type Division struct {
	Shares splits.Shares // of train, val and test; used as far as the table does not say the splits
	Seed   uint64
	Alike  [][]int  // images that show nearly the same, as indices of Table.All.Samples: they get one split
	Spare  []string // classes that a split may lack, as those that are left out or merged into another
}

// Divide returns the splits train, val and test. A column of the table decides, if there is one. Images for which it
// says nothing are divided by shares: stratified by class, with all images of a patient in one split. A table that has
// train and test alone has val taken from train. how says which of this was done.
func (t *Table) Divide(d Division) (set *data.Dataset, how string, err error) {
	given := map[string]int{}
	for _, g := range t.Given {
		given[g]++
	}
	shares := d.Shares
	switch {
	case given[""] == len(t.Given):
		how = fmt.Sprintf("made by data.split: %v, seed %d", d.Shares, d.Seed)
	case given["test"] == 0 || given["train"] == 0:
		return nil, "", fmt.Errorf("%s: its splits have %d images of train and %d of test: name both there, or have the images "+
			"divided by leaving the column out (split=none)", t.File, given["train"], given["test"])
	case given["val"] == 0:
		if sum := shares[0] + shares[1]; sum > 0 {
			shares = splits.Shares{shares[0] / sum, shares[1] / sum, 0}
		}
		how = fmt.Sprintf("test as the table says, val is %.3g of its train", shares[1])
	case given[""] > 0:
		how = fmt.Sprintf("as the table says, with %d images divided by data.split", given[""])
	default:
		how = "as the table says"
	}
	decided := make([]splits.Split, len(t.Given))
	var items []splits.Item
	var at []int // the sample of an item
	itemOf := map[int]int{}
	for i, s := range t.All.Samples {
		split := splitNumber(t.Given[i])
		if given["val"] == 0 && given["train"] > 0 {
			if split == splits.Test {
				decided[i] = split
				continue
			}
			split = splits.None
		}
		itemOf[i] = len(items)
		at = append(at, i)
		items = append(items, splits.Item{Key: t.Relative(s.Path), Class: s.Class, Group: t.All.Attribute(s, "patient"), Given: split})
	}
	var alike [][]int
	for _, group := range d.Alike {
		var set []int
		for _, i := range group {
			if k, ok := itemOf[i]; ok {
				set = append(set, k)
			}
		}
		alike = append(alike, set)
	}
	if given[""] == 0 && given["val"] > 0 { // patients in two splits are for the check of leaks
		for k, i := range at {
			decided[i] = items[k].Given
		}
	} else {
		splits.Join(items, alike)
		needed := slices.Clone(t.All.Classes)
		for i, name := range needed {
			if slices.Contains(d.Spare, name) {
				needed[i] = ""
			}
		}
		divided, err := splits.Divide(items, needed, shares, d.Seed)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", t.File, err)
		}
		for k, i := range at {
			decided[i] = divided[k]
		}
	}
	t.decided = decided
	set = &data.Dataset{}
	for _, s := range []struct {
		split splits.Split
		into  **data.Split
	}{{splits.Train, &set.Train}, {splits.Val, &set.Val}, {splits.Test, &set.Test}} {
		*s.into = t.part(s.split.String(), func(i int) bool { return decided[i] == s.split })
	}
	return set, how, nil
}

func splitNumber(name string) splits.Split {
	for _, s := range []splits.Split{splits.Train, splits.Val, splits.Test} {
		if s.String() == name {
			return s
		}
	}
	return splits.None
}

// NoPatients returns a warning if the table does not tell the patient of any image, else "". key is what the user calls
// [Columns].
func (t *Table) NoPatients(key string) string {
	if slices.Contains(t.All.Attributes, "patient") {
		return ""
	}
	const text = "the patients of the images are not known: if some have several images, these may be in more than one split, " +
		"and intervals are too narrow"
	if t.Unread == nil {
		return text + "; a table with a column of patients avoids that"
	}
	return fmt.Sprintf("%s; name their column with %s patient=NAME, one of %.300s", text, key, naming.List(t.Unread))
}

// Divided reports whether the table itself says a split of each image.
func (t *Table) Divided() bool {
	return !slices.Contains(t.Given, "") && slices.Contains(t.Given, "val")
}

// Folders lists the images of a folder that has a folder for each class, or tar archives with labels, without splits.
// [data.OpenPart] says what numbered is for.
func Folders(dir string, numbered []string) (*Table, error) {
	all, err := data.OpenPart(dir, "", numbered)
	if err != nil {
		return nil, err
	}
	read := "label = the name of the folder"
	if all.Packed() {
		read = "label = KEY.cls or KEY.json"
	}
	return &Table{File: dir, All: all, Given: make([]string, len(all.Samples)), Rows: len(all.Samples), Read: read}, nil
}

// Part returns the images of one split as the table says it, or all images of a table that says no splits.
func (t *Table) Part(split string) (*data.Split, error) {
	said := slices.ContainsFunc(t.Given, func(g string) bool { return g != "" })
	part := t.part(split, func(i int) bool { return !said || t.Given[i] == split })
	if !said {
		slog.Info("the table says no splits: all its images are used", "images", len(part.Samples))
	}
	if part.Samples == nil {
		return nil, fmt.Errorf("%s has no image of the split %q: it has %s", t.File, split,
			naming.List(slices.Compact(slices.Sorted(slices.Values(t.Given)))))
	}
	return part, nil
}

// part returns the images that keep chooses by their index, in the order of the table.
func (t *Table) part(name string, keep func(i int) bool) *data.Split {
	part := *t.All
	part.Name, part.Samples = name, nil
	for i, x := range t.All.Samples {
		if keep(i) {
			part.Samples = append(part.Samples, x)
		}
	}
	return &part
}
