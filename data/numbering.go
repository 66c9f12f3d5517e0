package data

import (
	"fmt"
	"slices"
)

// Shift says that the images of a class folder count as another class.
type Shift struct {
	Split, Class, As string
}

func (s Shift) String() string {
	return fmt.Sprintf("the images of %q in %s count as class %q", s.Class, s.Split, s.As)
}

// OpenSplitNumbered lists the data set in dir as torchvision numbers it: each split by the folders that it has. A class
// that only train has shifts the numbers of those behind it in the other splits, so that their images count as other
// classes; shifts lists them. It is an error, as in Open, if a split is missing or invalid, and if one has more classes
// than train.
func OpenSplitNumbered(dir string) (d *Dataset, shifts []Shift, err error) {
	if d, err = openSplits(dir); err != nil {
		return nil, nil, err
	}
	classes := d.Train.Classes
	for _, s := range []*Split{d.Val, d.Test} {
		if len(s.Classes) > len(classes) {
			return nil, nil, fmt.Errorf("%s has %d classes, more than %s with %d: its last would have no number; "+
				"remove or move class folders (%s)", s.Dir, len(s.Classes), d.Train.Dir, len(classes),
				quoteList(without(s.Classes, classes)))
		}
		for i, name := range s.Classes {
			if name != classes[i] {
				shifts = append(shifts, Shift{s.Dir, name, classes[i]})
			}
		}
		s.Classes = slices.Clone(classes)
	}
	return d, shifts, nil
}
