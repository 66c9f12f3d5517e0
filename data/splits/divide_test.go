package splits

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var usual = Shares{0.6, 0.2, 0.2}

func classNames(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("class %d", i))
	}
	return out
}

// farthest returns the largest difference, in images, between a class in a split and its share.
func farthest(items []Item, splits []Split, classes int, shares Shares) float64 {
	counts, totals := make([][3]int, classes), make([]int, classes)
	for i, item := range items {
		counts[item.Class][splits[i]-1]++
		totals[item.Class]++
	}
	far := 0.0
	for c := range counts {
		for s := range shares {
			far = max(far, math.Abs(float64(counts[c][s])-shares[s]*float64(totals[c])))
		}
	}
	return far
}

// patients returns the items of patients with up to most images each, most of which have the class of the first.
func patients(r *rand.Rand, n, classes, most int) []Item {
	var items []Item
	for p := 0; len(items) < n; p++ {
		class := r.IntN(classes) * r.IntN(2) // class 0 is the largest
		for range 1 + r.IntN(most) {
			if r.IntN(5) == 0 {
				class = r.IntN(classes)
			}
			items = append(items, Item{Key: fmt.Sprintf("%d.jpg", len(items)), Class: class, Group: fmt.Sprint("patient ", p)})
		}
	}
	return items[:n]
}

// Each class is within one image of its shares, whatever their sizes, and all images together nearly are.
func TestDivideShares(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for seed := range uint64(300) {
		shares := usual
		if seed > 100 {
			a, b := 0.1+0.8*r.Float64(), r.Float64()
			shares = Shares{a, (1 - a) * b, (1 - a) * (1 - b)}
		}
		least := 3
		for _, share := range shares {
			least = max(least, int(math.Ceil(1/share)))
		}
		if least > 150 {
			continue
		}
		classes := 1 + r.IntN(8)
		var items []Item
		for c := range classes {
			for range least + r.IntN(60) { // as many as it takes for one in each split by its share
				items = append(items, Item{Class: c})
			}
		}
		r.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		for i := range items {
			items[i].Key = fmt.Sprint(i)
		}
		got, err := Divide(items, classNames(classes), shares, seed)
		if err != nil {
			t.Fatal(err)
		}
		if far := farthest(items, got, classes, shares); far >= 1 {
			t.Fatalf("seed %d, shares %v: a class is %.2f images from its share", seed, shares, far)
		}
		for i := range items {
			items[i].Class = 0
		}
		if far := farthest(items, got, 1, shares); far > max(1, float64(classes)/2) {
			t.Fatalf("seed %d, shares %v: %d classes together are %.2f images from their shares", seed, shares, classes, far)
		}
	}
}

// A class with the fewest images has one in each split.
func TestDivideFewest(t *testing.T) {
	for seed := range uint64(50) {
		items := []Item{{Key: "a", Class: 1}, {Key: "b", Class: 1}, {Key: "c", Class: 1}}
		for i := range 20 {
			items = append(items, Item{Key: fmt.Sprint(i), Class: 0})
		}
		got, err := Divide(items, classNames(2), Shares{0.9, 0.05, 0.05}, seed)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got[:3])
		if !slices.Equal(got[:3], []Split{Train, Val, Test}) {
			t.Fatalf("three images are in %v", got[:3])
		}
	}
}

// A class without a name may lack a split. Where it need not, the splits are as with a name.
func TestDivideSpareClass(t *testing.T) {
	for rare := range 9 {
		var items []Item
		for i := range 30 + rare {
			items = append(items, Item{Key: fmt.Sprint(i), Class: i / 30})
		}
		named, problem := Divide(items, []string{"common", "rare"}, Shares{0.6, 0.2, 0.2}, 1)
		got, err := Divide(items, []string{"common", ""}, Shares{0.6, 0.2, 0.2}, 1)
		if err != nil || problem == nil && !slices.Equal(got, named) || (problem == nil) != (rare >= 3) {
			t.Errorf("%d: %v (%v), with a name %v (%v)", rare, got, err, named, problem)
		}
	}
}

// Groups stay whole, every split has every class, and the shares come near those of the best division of all.
func TestDividePatients(t *testing.T) {
	const cases = 40
	var excess, most float64
	for seed := range uint64(cases) {
		r := rand.New(rand.NewPCG(2, seed))
		items := patients(r, 13, 2, 2)
		got, err := Divide(items, classNames(2), usual, seed)
		best, possible := bruteForce(items, 2, usual)
		if (err == nil) != possible {
			t.Fatalf("seed %d: %v, but a division is possible: %v", seed, err, possible)
		}
		if err != nil {
			continue
		}
		of := map[string]Split{}
		present := map[[2]int]bool{}
		for i, item := range items {
			if s, ok := of[item.Group]; ok && s != got[i] {
				t.Fatalf("seed %d: %s is in %v and %v", seed, item.Group, s, got[i])
			}
			of[item.Group] = got[i]
			present[[2]int{item.Class, int(got[i])}] = true
		}
		if len(present) != 6 {
			t.Fatalf("seed %d: a split lacks a class: %v", seed, present)
		}
		far := farthest(items, got, 2, usual) - best
		excess += far / cases
		most = max(most, far)
	}
	t.Logf("images farther from the shares than the best division: %.2f on average, %.2f at most", excess, most)
	if excess > 1 || most > 2.5 {
		t.Errorf("the divisions are %.2f images on average, and %.2f at most, farther from the shares than the best",
			excess, most)
	}
}

// bruteForce returns the least distance from the shares of all divisions that have every class in every split.
func bruteForce(items []Item, classes int, shares Shares) (best float64, possible bool) {
	_, of, _ := gather(items)
	groups := slices.Max(of) + 1
	splits := make([]Split, len(items))
	best = math.Inf(1)
	for code := range int(math.Pow(3, float64(groups))) {
		var present [3]uint
		for i, g := range of {
			s := code / int(math.Pow(3, float64(g))) % 3
			splits[i] = Split(s + 1)
			present[s] |= 1 << items[i].Class
		}
		if all := uint(1)<<classes - 1; present == [3]uint{all, all, all} {
			possible = true
			best = min(best, farthest(items, splits, classes, shares))
		}
	}
	return best, possible
}

// More items at the end, also of known patients, move none of the old ones.
func TestDivideStable(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(3, seed))
		items := patients(r, 300, 4, 1+int(seed%3))
		more := slices.Clone(items)
		for i := range 15 {
			item := Item{Key: fmt.Sprint("new ", i), Class: r.IntN(4), Group: fmt.Sprint("new ", i)}
			if i%2 == 0 {
				item.Group = items[r.IntN(len(items))].Group
			}
			more = append(more, item)
		}
		before, err := Divide(items, classNames(4), usual, seed)
		if err != nil {
			t.Fatal(err)
		}
		after, err := Divide(more, classNames(4), usual, seed)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(before, after[:len(before)]) {
			t.Fatalf("seed %d: new items moved old ones", seed)
		}
		again, _ := Divide(more, classNames(4), usual, seed)
		other, _ := Divide(more, classNames(4), usual, seed+1)
		if !slices.Equal(after, again) || slices.Equal(after, other) {
			t.Fatalf("seed %d: the seed does not decide", seed)
		}

		// With the splits of the first division given, in any order, the new ones fill the gaps.
		for i := range before {
			more[i].Given = before[i]
		}
		r.Shuffle(len(more), func(i, j int) { more[i], more[j] = more[j], more[i] })
		filled, err := Divide(more, classNames(4), usual, seed)
		if err != nil {
			t.Fatal(err)
		}
		for i, item := range more {
			if item.Given != None && filled[i] != item.Given {
				t.Fatalf("seed %d: %s was given to %v and is in %v", seed, item.Key, item.Given, filled[i])
			}
		}
	}
}

// Items without a split make up for what the given ones lack.
func TestDivideGiven(t *testing.T) {
	var items []Item
	for i := range 100 {
		item := Item{Key: fmt.Sprint(i)}
		if i < 45 {
			item.Given = Train
		}
		items = append(items, item)
	}
	got, err := Divide(items, classNames(1), usual, 5)
	if err != nil {
		t.Fatal(err)
	}
	if far := farthest(items, got, 1, usual); far >= 1 {
		t.Errorf("%.2f images from the shares", far)
	}

	// The test set is given and has no share: the others are divided among train and val.
	for i := range items {
		items[i].Given = None
		if i%2 == 0 {
			items[i].Given = Test
		}
	}
	if got, err = Divide(items, classNames(1), Shares{0.8, 0.2, 0}, 5); err != nil {
		t.Fatal(err)
	}
	var counts [4]int
	for _, s := range got {
		counts[s]++
	}
	if counts != [4]int{0, 40, 10, 50} {
		t.Errorf("train, val and test have %v images", counts[1:])
	}
}

func TestDivideErrors(t *testing.T) {
	five := []Item{{Key: "a"}, {Key: "b"}, {Key: "c"}, {Key: "d", Class: 1}, {Key: "e", Class: 1}}
	pair := []Item{{Key: "a", Group: "P1", Given: Train}, {Key: "b", Group: "P1", Given: Test}}
	twice := []Item{{Key: "a", Group: "P1"}, {Key: "b", Group: "P1"}, {Key: "c", Group: "P2"}, {Key: "d", Group: "P2"}}
	for _, c := range []struct {
		items  []Item
		shares Shares
		want   string
	}{
		{five, Shares{0.6, 0.3, 0.2}, "sum to 1.1"},
		{five, Shares{1.2, -0.1, -0.1}, "the share 1.2 of train"},
		{five, Shares{math.NaN(), 0.5, 0.5}, "the share NaN of train"},
		{five, usual, `the class "class 1" has nothing for`},
		{twice, usual, `has 2 patients or images without a patient`},
		{pair, usual, `"a" is given to train and "b" to test, but both belong to "P1"`},
	} {
		_, err := Divide(c.items, classNames(2), c.shares, 0)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	if _, err := Divide(five[:3], classNames(1), Shares{1. / 3, 1. / 3, 0.333333}, 0); err != nil {
		t.Error(err)
	}
}

func TestJoin(t *testing.T) {
	items := []Item{{Key: "a"}, {Key: "b", Group: "P1"}, {Key: "c", Group: "P2"}, {Key: "d", Group: "P1"}, {Key: "e"}, {Key: "f"},
		{Key: "g"}}
	Join(items, [][]int{{3, 2}, {6, 0}})
	var got []string
	for _, item := range items {
		got = append(got, item.Group)
	}
	if want := []string{"a", "P1", "P1", "P1", "", "", "a"}; !slices.Equal(got, want) {
		t.Errorf("groups %q, want %q", got, want)
	}
}
