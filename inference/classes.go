package inference

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"fovea/data"
	"fovea/internal/naming"
)

// A Matching pairs the classes of a data set with those of a model by name.
type Matching struct {
	Numbers   []int    // the model's number of each of the data set's, -1 where it has none
	Extra     []string // the data set's that the model does not know
	Missing   []string // the model's that the data set has no images of
	Reordered bool     // the same numbers stand for other classes
}

// MatchClasses matches the classes of a data set with a model's.
func MatchClasses(found, known []string) Matching {
	m := Matching{Numbers: naming.Match(found, known)}
	for i, name := range found {
		if m.Numbers[i] < 0 {
			m.Extra = append(m.Extra, name)
		}
	}
	m.Missing = naming.Unmatched(m.Numbers, known)
	m.Reordered = !slices.IsSorted(slices.DeleteFunc(slices.Clone(m.Numbers), func(n int) bool { return n < 0 }))
	return m
}

// Error returns an error if the data has a class that the model does not know, else nil.
func (m Matching) Error(data, model string, known []string) error {
	if m.Extra == nil {
		return nil
	}
	message := fmt.Sprintf("%s has classes that %s does not know: %s; it knows %s", data, model, naming.List(m.Extra),
		naming.List(known))
	if len(m.Missing) > 0 {
		message += "; without images are " + naming.List(m.Missing)
	}
	if known[0] == "0" && known[len(known)-1] == strconv.Itoa(len(known)-1) {
		message += "; the model has only numbers for its classes: say their names in this order with -classes, " +
			"such as -classes DATA/train, which are the sorted names of class folders"
	}
	return errors.New(message)
}

// RenumberClasses gives the samples of a split the model's class numbers. Classes that the model's training merged are
// merged, and those that it left out are left out. A class without images is allowed, an unknown one is not.
func RenumberClasses(split *data.Split, d *Description, model string) error {
	names := slices.Clone(split.Classes)
	for i, name := range names {
		if _, known := naming.NewIndex(d.Classes).Find(name); known {
			continue
		}
		for merged, former := range d.Merged {
			if _, ok := naming.NewIndex(former).Find(name); ok {
				names[i] = merged
			}
		}
	}
	if out := 0; slices.Contains(names, data.LeftOutClass) {
		split.Samples = slices.DeleteFunc(slices.Clone(split.Samples), func(x data.Sample) bool {
			if names[x.Class] != data.LeftOutClass {
				return false
			}
			out++
			return true
		})
		slog.Info("images of classes are left out, as when the model was trained", "images", out,
			"classes", d.Merged[data.LeftOutClass])
	}
	m := MatchClasses(names, append(slices.Clone(d.Classes), data.LeftOutClass))
	m.Missing = slices.DeleteFunc(m.Missing, func(name string) bool { return name == data.LeftOutClass })
	if err := m.Error(split.Dir, model, d.Classes); err != nil {
		return err
	}
	if len(m.Missing) > 0 {
		slog.Warn("the model knows classes that have no images", "classes", m.Missing)
	}
	if m.Reordered {
		slog.Info("the model has its classes in another order than the data: they are matched by name", "classes", d.Classes)
	}
	for i := range split.Samples {
		split.Samples[i].Class = m.Numbers[split.Samples[i].Class]
	}
	split.Classes = d.Classes
	return nil
}
