package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/stat"

	"fovea/internal/runfiles"
)

// characteristics tells of the columns of the table, such as sex and age, by split and by image.
func (f *folder) characteristics(w *writer) {
	if f.images != nil {
		for i, name := range f.images.attributes {
			if name == "patient" {
				continue
			}
			unit := "image"
			if f.isOfPatients(i + 1) {
				unit = "patient"
			}
			var parts []string
			for _, split := range splitNames {
				parts = append(parts, splitWords[split]+" set: "+distribution(f.values(split, i+1, unit)))
			}
			w.say([]string{runfiles.Splits + ": " + name}, "%s, by %s: %s.", strings.ToUpper(name[:1])+name[1:], unit,
				strings.Join(parts, "; "))
		}
	}
	for _, split := range splitNames {
		if n, byClass := f.used(split); f.images != nil && byClass != nil && n < f.listed(split) {
			w.lack("The %s set without the images that were not used.", strings.ToLower(splitWords[split]))
		}
	}
	for _, usual := range []string{"sex", "age"} {
		if f.images.column(usual) < 0 {
			w.lack("The table has no column of the %s.", usual)
		}
	}
	if f.images == nil {
		w.lacks = nil
		w.lack("There was no table (data.labels) with columns such as sex, age and camera.")
	}
}

// isOfPatients reports whether a column of splits.csv has one value for each patient, and all patients are known.
func (f *folder) isOfPatients(column int) bool {
	patient := f.images.column("patient")
	values := map[string]string{}
	for _, r := range f.images.rows {
		if patient < 0 || r[patient] == "" {
			return false
		}
		if before, ok := values[r[patient]]; ok && before != r[column] {
			return false
		}
		values[r[patient]] = r[column]
	}
	return true
}

// values returns the values of a column of splits.csv in a split, one for each image or patient.
func (f *folder) values(split string, column int, unit string) (out []string) {
	seen := map[string]bool{}
	for _, r := range f.images.rows {
		if f.images.split(r) != split || f.isLeftOut(f.images.label(r)) {
			continue
		}
		if unit == "patient" {
			patient := r[f.images.column("patient")]
			if seen[patient] {
				continue
			}
			seen[patient] = true
		}
		out = append(out, r[column])
	}
	return out
}

// distribution returns the values of a column in words: mean, standard deviation and range of numbers that are many,
// else the number of each value.
func distribution(values []string) string {
	counts := map[string]int{}
	var numbers []float64
	unknown := 0
	for _, v := range values {
		if v == "" {
			unknown++
			continue
		}
		counts[v]++
		if x, err := strconv.ParseFloat(v, 64); err == nil {
			numbers = append(numbers, x)
		}
	}
	var text string
	const few = 8
	switch {
	case len(counts) > few && len(numbers) == len(values)-unknown:
		mean, deviation := stat.MeanStdDev(numbers, nil)
		text = fmt.Sprintf("mean %.1f, standard deviation %.1f, %g to %g", mean, deviation, slices.Min(numbers),
			slices.Max(numbers))
	case len(counts) > few:
		text = fmt.Sprintf("%d values", len(counts))
	default:
		var parts []string
		for v, n := range counts {
			parts = append(parts, fmt.Sprintf("%s %d%s", v, n, percent(n, len(values))))
		}
		slices.Sort(parts)
		text = strings.Join(parts, ", ")
	}
	if unknown > 0 {
		text = join(text, fmt.Sprintf("not known %d%s", unknown, percent(unknown, len(values))))
	}
	return text
}
