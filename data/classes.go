package data

import (
	"fmt"
	"slices"
	"strings"

	"fovea/internal/naming"
)

// LeftOutClass stands for the class of images that are not used in [Regrouping.Merged]. No class has this name.
const LeftOutClass = ""

// A Regrouping puts the classes of a data set into another order, merges some and leaves some out.
type Regrouping struct {
	Classes []string            // in their new order
	Merged  map[string][]string // the former classes of each that is new, and of LeftOutClass
	numbers []int               // the new number of each former class, -1 where it is left out
}

// Regroup reads a list of classes in the order that they should have. An entry is the name of a class, "new = a + b",
// which makes one class of several, or "-a", which leaves the images of a out. Each of the known classes must stand in
// it once.
func Regroup(known, entries []string) (*Regrouping, error) {
	r := &Regrouping{Merged: map[string][]string{}, numbers: make([]int, len(known))}
	names := naming.NewIndex(known)
	used := make([]string, len(known)) // the entry of each class
	use := func(entry, name string, number int) error {
		c, ok := names.Find(name)
		switch {
		case !ok:
			return fmt.Errorf("%.100q names the class %.100q, but the images have the classes %s", entry, name, naming.List(known))
		case used[c] != "":
			return fmt.Errorf("%.100q names the class %.100q, which %.100q names already", entry, name, used[c])
		}
		used[c], r.numbers[c] = entry, number
		return nil
	}
	for _, entry := range entries {
		merged, parts, isMerged := strings.Cut(entry, "=")
		out, isOut := strings.CutPrefix(strings.TrimSpace(entry), "-")
		name, members, number := entry, []string{entry}, len(r.Classes)
		_, outIsClass := names.Find(out)
		switch _, isClass := names.Find(entry); {
		case isClass:
			name = known[mustFind(names, entry)]
		case isMerged && !(isOut && outIsClass): // "-a=b" leaves out a class a=b
			name, members = naming.Fold(merged), parted(parts, names)
		case isOut:
			members, number = []string{out}, -1
		}
		for i, m := range members {
			members[i] = naming.Fold(m)
			if err := use(entry, members[i], number); err != nil {
				return nil, err
			}
		}
		if number < 0 {
			r.Merged[LeftOutClass] = append(r.Merged[LeftOutClass], members...)
			continue
		}
		if name == "" || slices.Contains(r.Classes, name) {
			return nil, fmt.Errorf("%.100q: each class needs a name of its own", entry)
		}
		if len(members) > 1 || members[0] != name {
			r.Merged[name] = members
		}
		r.Classes = append(r.Classes, name)
	}
	if i := slices.Index(used, ""); i >= 0 {
		return nil, fmt.Errorf("the class %.100q is not among them: add it, merge it into another as in \"new = a + b\", or "+
			"leave its images out with \"-%s\"", known[i], known[i])
	}
	if len(r.Classes) < 2 {
		return nil, fmt.Errorf("they leave %d classes: a classifier needs at least two", len(r.Classes))
	}
	return r, nil
}

// parted returns the classes of "a + b" or "a+b". A plus sign without spaces may belong to a name, such as GON+.
func parted(text string, names *naming.Index) (parts []string) {
	for part := range strings.SplitSeq(text, " + ") {
		if _, isClass := names.Find(part); isClass {
			parts = append(parts, part)
		} else {
			parts = append(parts, strings.Split(part, "+")...)
		}
	}
	return parts
}

// Spare returns those of the known classes that are left out or merged with another. A split may lack their images.
func (r *Regrouping) Spare(known []string) (out []string) {
	for c, n := range r.numbers {
		if n < 0 || len(r.Merged[r.Classes[n]]) > 1 {
			out = append(out, known[c])
		}
	}
	return out
}

func mustFind(x *naming.Index, name string) int {
	i, _ := x.Find(name)
	return i
}

// Apply gives the samples of a split, whose classes are those that were known, their new numbers. The samples keep
// their order.
func (r *Regrouping) Apply(s *Split) {
	var kept []Sample
	for _, x := range s.Samples {
		if x.Class = r.numbers[x.Class]; x.Class >= 0 {
			kept = append(kept, x)
		}
	}
	s.Samples, s.Classes = kept, slices.Clone(r.Classes)
}
