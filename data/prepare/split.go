package prepare

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// assign gives each class of images splits of exactly the given sizes. Images that belong together go into one split as
// far as the sizes permit. The result depends on the images alone.
func assign(images []*Image, sizes []Sizes) {
	slices.SortFunc(images, byContent)
	room := slices.Clone(sizes)
	var free []*Image
	for _, img := range images {
		if img.official {
			img.Split = Test
			room[img.Class][Test]--
		} else {
			free = append(free, img)
		}
	}
	groups := related(free)
	best, fewest := []int(nil), len(groups)+1
	for try := range uint64(tries) {
		splits, torn := deal(free, groups, slices.Clone(room), rand.New(rand.NewPCG(0, try)))
		if torn < fewest {
			best, fewest = splits, torn
		}
		if fewest == 0 {
			break
		}
	}
	for i, split := range best {
		free[i].Split = split
	}
}

// tries is how often assign deals before it takes the best result: with odd sizes and pairs of eyes, most deals tear a
// few pairs.
const tries = 2000

// deal gives out the room at random, to the largest groups first, and returns the split of each image and the number of
// groups that fitted into none.
func deal(images []*Image, groups [][]int, room []Sizes, random *rand.Rand) (splits []int, torn int) {
	random.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
	slices.SortStableFunc(groups, func(a, b []int) int { return cmp.Compare(len(b), len(a)) })
	splits = make([]int, len(images))
	var place func(group []int)
	place = func(group []int) {
		for _, split := range shuffled(room[images[group[0]].Class], random) {
			if fits(images, group, room, split) {
				for _, i := range group {
					splits[i] = split
				}
				return
			}
		}
		torn++
		for _, i := range group {
			place([]int{i}) // one image always finds room
		}
	}
	for _, group := range groups {
		place(group)
	}
	return splits, torn
}

// shuffled returns the splits in an order in which each comes early as likely as it has room.
func shuffled(room Sizes, random *rand.Rand) []int {
	var order []int
	for len(order) < len(room) {
		at := random.IntN(max(1, room[Train]+room[Val]+room[Test]))
		split := Train
		for split < Test && at >= room[split] {
			at -= room[split]
			split++
		}
		for slices.Contains(order, split) {
			split = (split + 1) % len(room)
		}
		order = append(order, split)
		room[split] = 0
	}
	return order
}

// fits takes room for a group in a split, if there is enough.
func fits(images []*Image, group []int, room []Sizes, split int) bool {
	for n, i := range group {
		class := images[i].Class
		if room[class][split] == 0 {
			for _, i := range group[:n] {
				room[images[i].Class][split]++
			}
			return false
		}
		room[class][split]--
	}
	return true
}

// related groups the images of one patient and those with the same content, as indices; an image that is related to
// none is a group of its own.
func related(images []*Image) [][]int {
	parent := make([]int, len(images))
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	first := map[any]int{}
	join := func(key any, i int) {
		if f, ok := first[key]; ok {
			parent[find(i)] = find(f)
		} else {
			first[key] = i
		}
	}
	for i, img := range images {
		parent[i] = i
		join(img.pixels, i)
		if img.Patient != "" {
			join(img.Patient, i)
		}
	}
	at := map[int]int{}
	var groups [][]int
	for i := range images {
		root := find(i)
		if _, ok := at[root]; !ok {
			at[root] = len(groups)
			groups = append(groups, nil)
		}
		groups[at[root]] = append(groups[at[root]], i)
	}
	return groups
}

// sharing returns the images with the same key that are more than one, in order; "" is no key.
func sharing(images []*Image, key func(*Image) string) [][]*Image {
	at := map[string]int{}
	var groups [][]*Image
	for _, img := range images {
		k := key(img)
		if k == "" {
			continue
		}
		if _, ok := at[k]; !ok {
			at[k] = len(groups)
			groups = append(groups, nil)
		}
		groups[at[k]] = append(groups[at[k]], img)
	}
	return slices.DeleteFunc(groups, func(g []*Image) bool { return len(g) < 2 })
}

// torn tells whether images lie in more than one split.
func torn(images []*Image) bool {
	return slices.ContainsFunc(images, func(img *Image) bool { return img.Split != images[0].Split })
}
