package account

import (
	"fmt"
	"slices"
	"strings"

	"fovea/data"
	"fovea/data/labels"
	"fovea/internal/runfiles"
	"fovea/training/config"
)

var (
	splitNames = []string{"train", "val", "test"}
	splitWords = map[string]string{"train": "Training", "val": "Validation", "test": "Test"}
)

func (f *folder) source(w *writer) {
	c := f.config.Data
	switch c.Labels {
	case "", config.LabelsFromFolders:
		w.say(keys("data.dir", "data.labels"), "The images of the folder %s; the folder that an image lies in is its class.",
			c.Dir)
	default:
		w.say(keys("data.dir", "data.labels"), "The images of the folder %s, with the labels of the table %s.", c.Dir,
			c.Labels)
	}
	if len(c.Columns) > 0 {
		w.say(keys("data.columns"), "Columns: %s.", strings.Join(c.Columns, ", "))
	}
}

// listed returns how many images splits.csv lists for a split, without those of classes that are left out.
func (f *folder) listed(split string) (n int) {
	for _, r := range f.images.rows {
		if f.images.split(r) == split && !f.isLeftOut(f.images.label(r)) {
			n++
		}
	}
	return n
}

func (f *folder) isLeftOut(class string) bool {
	return f.model != nil && slices.Contains(f.model.Merged[data.LeftOutClass], class)
}

func (f *folder) flow(w *writer) {
	if f.images != nil && f.leftOut != nil {
		noImage, noLabel, noRow := f.leftOut[labels.NoImage], f.leftOut[labels.NoLabel], f.leftOut[labels.NoRow]
		rows := []string{runfiles.Splits, runfiles.LeftOut}
		w.say(rows, "The table has %s: %d with an image and a label, %d without an image, %d without a label.",
			count(len(f.images.rows)+noImage+noLabel, "row"), len(f.images.rows), noImage, noLabel)
		w.say(rows, "The folder has %s without a row.", count(noRow, "image"))
		var classes []string
		out := 0
		for _, r := range f.images.rows {
			if label := f.images.label(r); f.isLeftOut(label) {
				if out++; !slices.Contains(classes, label) {
					classes = append(classes, label)
				}
			}
		}
		if out > 0 {
			w.say(append(keys("data.classes"), runfiles.Splits), "Left out as a class: %s of %s.", count(out, "image"),
				names(classes))
		}
	}
	var parts []string
	for _, split := range splitNames {
		n, byClass := f.used(split)
		if byClass == nil {
			continue
		}
		text := fmt.Sprintf("%s %s%s", split, count(n, "image"), f.ofPatients(split))
		if f.images != nil && f.listed(split) > n {
			why := "could not be read"
			if split == "train" && f.config.Data.Ratio < 1 {
				why += " or are left out by data.ratio"
			}
			text = fmt.Sprintf("%s %d of %s (the others %s)", split, n, count(f.listed(split), "image"), why)
		}
		parts = append(parts, text)
	}
	if parts == nil {
		w.lack("How many images each split had.")
	} else {
		w.say([]string{inState + ": splits"}, "Used: %s.", strings.Join(parts, "; "))
	}
	if f.images == nil {
		if f.model != nil && f.model.Merged[data.LeftOutClass] != nil {
			w.say(keys("data.classes"), "Left out as a class: %s.", names(f.model.Merged[data.LeftOutClass]))
		}
		w.lack("How the images of the folders were chosen: there was no table (data.labels).")
	}
	if f.images.column("patient") < 0 {
		w.lack("The number of patients.")
	}
}

// ofPatients returns "of n patients" for the images that a split used, "" where that is not known.
func (f *folder) ofPatients(split string) string {
	if f.images == nil {
		return ""
	}
	if n, _ := f.used(split); n != f.listed(split) || f.patients(split) == 0 {
		return ""
	}
	return " of " + count(f.patients(split), "patient")
}

// patients returns how many patients a split has by splits.csv; 0: not known.
func (f *folder) patients(split string) int {
	column := f.images.column("patient")
	seen := map[string]bool{}
	for _, r := range f.images.rows {
		if column >= 0 && r[column] != "" && f.images.split(r) == split && !f.isLeftOut(f.images.label(r)) {
			seen[r[column]] = true
		}
	}
	return len(seen)
}

func (f *folder) missing(w *writer) {
	switch {
	case f.state != nil && strings.HasPrefix(f.state.Division, "the archives"):
		w.say([]string{inState + ": division"}, "Each image has a label beside it in its archive, so no label is missing.")
	case f.config.Data.Labels == "" || f.config.Data.Labels == config.LabelsFromFolders:
		w.say(keys("data.labels"), "Each image lies in the folder of its class, so no label is missing.")
	case f.leftOut != nil:
		w.say([]string{runfiles.LeftOut}, "A row without an image (%d) or without a label (%d) and an image without a row "+
			"(%d) are left out.", f.leftOut[labels.NoImage], f.leftOut[labels.NoLabel], f.leftOut[labels.NoRow])
	default:
		w.lack("Rows and images that were left out.")
	}
	if f.config.Data.Unreadable == "skip" {
		w.say(keys("data.unreadable"), "An image that cannot be decoded is left out.")
	} else {
		w.say(keys("data.unreadable"), "An image that cannot be decoded stops the run.")
	}
	w.say(keys("data.unreadable"), "Nothing is imputed.")
	var gaps []string
	if f.images != nil {
		for i, name := range f.images.attributes {
			n := 0
			for _, r := range f.images.rows {
				if r[i+1] == "" {
					n++
				}
			}
			if n > 0 {
				gaps = append(gaps, fmt.Sprintf("%s of %s", name, count(n, "image")))
			}
		}
	}
	if gaps != nil {
		w.say([]string{runfiles.Splits}, "Not known: %s.", strings.Join(gaps, ", "))
	}
}

func (f *folder) division(w *writer) {
	if f.state == nil || f.state.Division == "" {
		w.lack("How the splits were made.")
		return
	}
	w.say([]string{inState + ": division"}, "Splits: %s.", f.state.Division)
	if f.config.Data.Labels == "" {
		w.lack("How the folders were filled.")
		return
	}
	w.say(keys("data.split", "data.split_seed"), "Images that the table gives no split are divided by class, with all "+
		"images of a patient, and images that show nearly the same, in one split.")
}

func (f *folder) leaks(w *writer) {
	if column := f.images.column("patient"); column >= 0 {
		splits := map[string]map[string]bool{}
		without := 0
		for _, r := range f.images.rows {
			if r[column] == "" {
				without++
				continue
			}
			if splits[r[column]] == nil {
				splits[r[column]] = map[string]bool{}
			}
			splits[r[column]][f.images.split(r)] = true
		}
		shared := 0
		for _, s := range splits {
			if len(s) > 1 {
				shared++
			}
		}
		in := []string{runfiles.Splits + ": patient, split"}
		if shared == 0 {
			w.say(in, "The splits are disjoint by patient: none of %s is in two.", count(len(splits), "patient"))
		} else {
			w.say(in, "The splits are not disjoint by patient: %d of %s are in more than one.", shared, count(len(splits),
				"patient"))
		}
		if without > 0 {
			w.lack("The patients of %s.", count(without, "image"))
		}
	} else {
		w.lack("Patients: the images of one may be in several splits.")
	}
	if f.state == nil || f.state.Repeats == nil || f.state.Division == "" {
		w.lack("Whether an image is in two splits.")
		return
	}
	same, alike := 0, 0
	for _, x := range *f.state.Repeats {
		switch crosses := func(p data.Position) bool { return p.Split != x.Files[0].Split }; {
		case !slices.ContainsFunc(x.Files, crosses):
		case x.Similar:
			alike++
		default:
			same++
		}
	}
	told := "no image"
	if same > 0 {
		told = count(same, "image")
	}
	w.say([]string{inState + ": repeats"}, "Files and decoded pixels were compared; in more than one split: %s.", told)
	told = "no image"
	if alike > 0 {
		told = count(alike, "image")
	}
	w.say([]string{inState + ": repeats"}, "Images that show nearly the same (cut, resized, compressed again or "+
		"brightened) were looked for; in more than one split: %s.", told)
}

// classes returns the number of images of each class of a split in words, "" if it is not known.
func (f *folder) classes(split string) string {
	n, byClass := f.used(split)
	if byClass == nil || f.model == nil || len(byClass) != len(f.model.Classes) {
		return ""
	}
	var parts []string
	for c, k := range byClass {
		parts = append(parts, fmt.Sprintf("%s %d%s", f.model.Classes[c], k, percent(k, n)))
	}
	return strings.Join(parts, ", ")
}

// severity tells of classes that are grades. Others do not say how severe a disease is.
func (f *folder) severity(w *writer) {
	if counts := f.classes("test"); counts != "" && f.ordered() {
		w.say(inClasses, "Grades of the test images: %s.", counts)
	}
}

var inClasses = []string{inState + ": splits", inModel + "fovea.classes"}

func (f *folder) balance(w *writer) {
	for _, split := range splitNames {
		n, _ := f.used(split)
		counts := f.classes(split)
		if counts == "" {
			continue
		}
		w.say(inClasses, "%s set: %s%s: %s.", splitWords[split], count(n, "image"), f.ofPatients(split), counts)
	}
	if w.text == nil {
		w.lack("The number of images of each class in each split.")
	}
}
