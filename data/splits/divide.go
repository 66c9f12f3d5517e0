// Package splits decides which images of a data set train, select and test a model.
package splits

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Split is a part of a data set.
type Split int

// The splits. None stands for an image that has none yet.
const (
	None Split = iota
	Train
	Val
	Test
)

// String returns train, val or test, and "" for None.
func (s Split) String() string { return [...]string{"", "train", "val", "test"}[s] }

// An Item is an image that needs a split.
type Item struct {
	Key   string // names the image in errors and decides its random draw; a path that is the same on all machines
	Class int    // index into the names of the classes
	Group string // images of one group, such as a patient, get one split; "" is a group of its own
	Given Split  // the split that the image has already, which stays; None if it has none
}

// Shares holds the fractions of the images that train, val and test get.
type Shares [3]float64

// Check returns an error if a share is below 0 or they do not sum to 1. Shares may be 0.
func (s Shares) Check() error {
	for i, share := range s {
		if !(share >= 0 && share <= 1) {
			return fmt.Errorf("the share %g of %v: it must be from 0 to 1", share, Split(i+1))
		}
	}
	if sum := s[0] + s[1] + s[2]; math.Abs(sum-1) > tolerance {
		return fmt.Errorf("the shares %g, %g and %g of train, val and test sum to %.6g: they must sum to 1", s[0], s[1], s[2], sum)
	}
	return nil
}

// Set reads three shares that are separated by commas, for a flag.
func (s *Shares) Set(text string) error {
	parts := strings.Split(text, ",")
	if len(parts) != len(s) {
		return fmt.Errorf("expected three shares such as 0.6,0.2,0.2, found %.100q", text)
	}
	for i, part := range parts {
		share, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil {
			return fmt.Errorf("the share %.100q is not a number such as 0.2", part)
		}
		s[i] = share
	}
	return s.Check()
}

// String returns the shares as Set reads them.
func (s *Shares) String() string { return fmt.Sprintf("%g,%g,%g", s[0], s[1], s[2]) }

// tolerance limits what the sum of three shares with six digits, such as 0.333333, may lack.
const tolerance = 1e-5

// Divide returns the split of each item. Groups stay whole, and given splits stay as they are.
//
// Items get their splits one after the other. Each decision depends on the seed, the item, the items before it and the
// given splits alone. So items that are added at the end change no split of those before them, and a new item of a
// known group goes where the group is.
//
// Every class is divided by the shares. If each item is a group of its own and none is given, each split has less than
// one image more or less of a class than its share. Groups of several images come as near as the groups behind them can
// make up for. A split with a share above 0 gets a group of every class, even where its share is less than one image.
// Only where a class would have none is the split of an earlier item changed. A class without a name may lack a split,
// if it has too few groups.
//
// It returns an error if the shares are wrong, if a group has two given splits, or if a class has too few groups to be
// in each split.
func Divide(items []Item, classes []string, shares Shares, seed uint64) ([]Split, error) {
	if err := shares.Check(); err != nil {
		return nil, err
	}
	groups, of, err := gather(items)
	if err != nil {
		return nil, err
	}
	d := division{groups: groups, classes: make([]tally, len(classes))}
	for i, share := range shares {
		if d.weights[i] = int(math.Round(share * 1e6)); d.weights[i] > 0 {
			d.filled++
		}
	}
	for i, item := range items {
		if g := groups[of[i]]; g.given {
			d.add(item.Class, g.split)
		}
	}
	for i, item := range items {
		g := groups[of[i]]
		if g.given {
			continue
		}
		if g.split == None {
			g.split = d.choose(item.Class, random(seed, item.Key))
		}
		d.add(item.Class, g.split)
	}
	if err := d.fill(classes); err != nil {
		return nil, err
	}
	out := make([]Split, len(items))
	for i := range items {
		out[i] = groups[of[i]].split
	}
	return out, nil
}

// A group holds the items that get one split.
type group struct {
	split   Split
	given   bool
	key     string // of its first item, or of the first with a given split
	images  int
	classes []int // different ones
}

// gather returns the groups in the order of their first items, and the group of each item.
func gather(items []Item) (groups []*group, of []int, err error) {
	byName := map[string]int{}
	of = make([]int, len(items))
	for i, item := range items {
		n, known := byName[item.Group]
		if item.Group == "" || !known {
			n = len(groups)
			groups = append(groups, &group{key: item.Key})
			byName[item.Group] = n
		}
		g := groups[n]
		of[i] = n
		g.images++
		if !slices.Contains(g.classes, item.Class) {
			g.classes = append(g.classes, item.Class)
		}
		switch {
		case item.Given == None || item.Given == g.split:
		case g.split == None:
			g.split, g.given, g.key = item.Given, true, item.Key
		default:
			return nil, nil, fmt.Errorf("%.80q is given to %v and %.80q to %v, but both belong to %.80q: give them one split",
				g.key, g.split, item.Key, item.Given, item.Group)
		}
	}
	return groups, of, nil
}

// A tally counts the images in each split.
type tally [3]int

// A division is the state of Divide.
type division struct {
	groups  []*group
	weights [3]int // the shares, in millionths
	filled  int    // splits with a share above 0
	classes []tally
	all     tally
}

// add counts an image, unless its split has no share.
func (d *division) add(class int, s Split) {
	if d.weights[s-1] > 0 {
		d.classes[class][s-1]++
		d.all[s-1]++
	}
}

// choose draws the split of an item that is the first of its group: among those that keep its class within one image of
// the shares and, if there are such, also the sum of all classes.
func (d *division) choose(number int, random uint64) Split {
	class := d.classes[number]
	var weights, better [3]int
	for s, weight := range d.weights {
		if d.hasRoom(class, s) && d.leavesRoom(class, s) {
			weights[s] = weight
			if d.hasRoom(d.all, s) {
				better[s] = weight
			}
		}
	}
	if better != [3]int{} {
		weights = better
	}
	if weights == [3]int{} { // given splits or large groups have left the shares
		weights = d.overdue(class)
	}
	at := int(random % uint64(weights[0]+weights[1]+weights[2]))
	s := 0
	for at >= weights[s] {
		at -= weights[s]
		s++
	}
	return Split(s + 1)
}

// hasRoom reports whether one image more in a split is at most its share of one image more in all, rounded up.
func (d *division) hasRoom(t tally, s int) bool {
	n := t[0] + t[1] + t[2] + 1
	return t[s]*d.sum() < d.weights[s]*n
}

// leavesRoom reports whether, after one image more in a split, each split can still have its share of the images to
// come, rounded down, at any later time. The images of a class are jobs for one machine: the image j of a split with the
// share p may come when the class has more than (j-1)/p images, and must be there when it has j/p. Such jobs can be done
// in time if, up to each time, no more of them must be there than have come.
func (d *division) leavesRoom(t tally, s int) bool {
	const farthest = 1000 // images to come that are looked at
	t[s]++
	n := t[0] + t[1] + t[2]
	for later := n; later <= n+farthest; later++ {
		needed, behind := 0, false
		for s := range t {
			needed += max(0, d.least(s, later)-t[s])
			behind = behind || d.least(s, later) < t[s]
		}
		if needed > later-n {
			return false
		}
		if !behind && later >= d.filled {
			break
		}
	}
	return true
}

// least returns the images that a split has at least of n: its share, rounded down, and one when there is one for each.
func (d *division) least(s, n int) int {
	least := d.weights[s] * n / d.sum()
	if least == 0 && d.weights[s] > 0 && n >= d.filled {
		return 1
	}
	return least
}

// overdue returns the weights of the splits with room whose next image should be there already, or at least is the
// first that must be.
func (d *division) overdue(t tally) (weights [3]int) {
	var due [3]int
	first := math.MaxInt
	for s, weight := range d.weights {
		if due[s] = math.MaxInt; !d.hasRoom(t, s) {
			continue
		}
		due[s] = ((t[s]+1)*d.sum() + weight - 1) / weight
		if t[s] == 0 {
			due[s] = min(due[s], d.filled)
		}
		first = min(first, due[s])
	}
	for s, weight := range d.weights {
		if due[s] <= max(first, t[0]+t[1]+t[2]+1) {
			weights[s] = weight
		}
	}
	return weights
}

func (d *division) sum() int { return d.weights[0] + d.weights[1] + d.weights[2] }

// fill moves groups so that each split with a share has each class. It returns an error if it cannot.
func (d *division) fill(classes []string) error {
	present := make([]tally, len(classes)) // groups
	for _, g := range d.groups {
		for _, class := range g.classes {
			present[class][g.split-1]++
		}
	}
	for class := range classes {
		for s, weight := range d.weights {
			if weight == 0 || present[class][s] > 0 {
				continue
			}
			g := d.spare(class, present)
			if g == nil && classes[class] == "" {
				continue
			}
			if g == nil {
				return d.tooFew(class, classes[class], Split(s+1))
			}
			for _, class := range g.classes {
				present[class][g.split-1]--
				present[class][s]++
			}
			g.split = Split(s + 1)
		}
	}
	return nil
}

// spare returns the smallest group with a class that its split can do without, the last of several, or nil.
func (d *division) spare(class int, present []tally) (spare *group) {
	smallest := math.MaxInt
	for _, g := range d.groups {
		needed := slices.ContainsFunc(g.classes, func(class int) bool { return present[class][g.split-1] == 1 })
		if slices.Contains(g.classes, class) && !g.given && !needed && g.images <= smallest {
			spare, smallest = g, g.images
		}
	}
	return spare
}

// tooFew returns the error about a class that cannot be in a split.
func (d *division) tooFew(class int, name string, missing Split) error {
	groups, given := 0, 0
	for _, g := range d.groups {
		if slices.Contains(g.classes, class) {
			groups++
			if g.given {
				given++
			}
		}
	}
	return fmt.Errorf("the class %.100q has nothing for %v: it has %d patients or images without a patient, of which %d "+
		"have a given split, and needs one for each of %d splits; add images, merge classes or leave this one out",
		name, missing, groups, given, d.filled)
}

// random returns a number that depends on the seed and a key alone.
func random(seed uint64, key string) uint64 {
	sum := sha256.Sum256(append(binary.LittleEndian.AppendUint64(nil, seed), key...))
	return binary.LittleEndian.Uint64(sum[:])
}
