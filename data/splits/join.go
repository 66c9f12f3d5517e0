package splits

import (
	"cmp"

	"fovea/internal/disjoint"
)

// Join puts the items of each set into one group, such as images that are nearly the same. A set holds indices of items,
// and brings along the other items of their groups. A group takes the name of its first item's group or, if that was
// alone, of its key.
func Join(items []Item, sets [][]int) {
	groups := disjoint.New(len(items))
	first := map[string]int{}
	for i, item := range items {
		if f, ok := first[item.Group]; ok && item.Group != "" {
			groups.Join(f, i)
		} else {
			first[item.Group] = i
		}
	}
	for _, set := range sets {
		for _, i := range set {
			groups.Join(set[0], i)
		}
	}
	for i := range items {
		if f := groups.First(i); f != i {
			items[f].Group = cmp.Or(items[f].Group, items[f].Key)
			items[i].Group = items[f].Group
		}
	}
}
