package splits

import "cmp"

// Join puts the items of each set into one group, such as images that are nearly the same. A set holds indices of items,
// and brings along the other items of their groups. A group takes the name of its first item's group or, if that was
// alone, of its key.
func Join(items []Item, sets [][]int) {
	parent := make([]int, len(items))
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	join := func(a, b int) {
		a, b = find(a), find(b)
		parent[max(a, b)] = min(a, b) // the root of a group is its first item
	}
	first := map[string]int{}
	for i, item := range items {
		if f, ok := first[item.Group]; ok && item.Group != "" {
			join(f, i)
		} else {
			first[item.Group] = i
		}
	}
	for _, set := range sets {
		for _, i := range set {
			join(set[0], i)
		}
	}
	for i := range items {
		if f := find(i); f != i {
			items[f].Group = cmp.Or(items[f].Group, items[f].Key)
			items[i].Group = items[f].Group
		}
	}
}
