package prepare

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"fovea/internal/disjoint"
)

// assign gives each class of images splits of exactly the given sizes. Images that belong together go into one split as
// far as the sizes permit. The result depends on the images alone.
func assign(images []*Image, sizes []Sizes) {
	slices.SortFunc(images, bySHA256)
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
	for try := range uint64(deals) {
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

// deals is the number of times that assign deals before it takes the best result. With odd sizes and pairs of eyes,
// most deals tear a few pairs.
const deals = 2000

// deal gives out the room at random, to the largest groups first. It returns the split of each image and the number of
// groups that did not fit into one split.
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

// shuffled returns the splits in a random order. A split's chance to come early is in proportion to its room.
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

// fits reports whether a split has room for a group, and takes the room if it has.
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

// related groups the images of one patient and those with the same pixels, as indices. An image that is related to none
// is a group of its own.
func related(images []*Image) [][]int {
	groups := disjoint.New(len(images))
	first := map[any]int{}
	join := func(key any, i int) {
		if f, ok := first[key]; ok {
			groups.Join(f, i)
		} else {
			first[key] = i
		}
	}
	for i, img := range images {
		join(img.fingerprint.Pixels, i)
		if img.Patient != "" {
			join(img.Patient, i)
		}
	}
	return groups.All()
}

// sharing returns the groups of at least two images with the same key, in order. "" is no key.
func sharing(images []*Image, key func(*Image) string) [][]*Image {
	withKey := slices.DeleteFunc(slices.Clone(images), func(img *Image) bool { return key(img) == "" })
	return slices.DeleteFunc(groupBy(withKey, key), func(g []*Image) bool { return len(g) < 2 })
}

// groupBy returns the elements with the same key together. Groups and their elements keep the order of all.
func groupBy[T any, K comparable](all []T, key func(T) K) [][]T {
	at := map[K]int{}
	var groups [][]T
	for _, x := range all {
		k := key(x)
		i, ok := at[k]
		if !ok {
			i = len(groups)
			at[k] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], x)
	}
	return groups
}

// torn reports whether images lie in more than one split.
func torn(images []*Image) bool {
	return slices.ContainsFunc(images, func(img *Image) bool { return img.Split != images[0].Split })
}
