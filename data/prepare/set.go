package prepare

import (
	"fmt"
	"strings"
)

// A Set is a data set of the benchmark.
type Set struct {
	Name    string // on the command line and of its config
	Origin  string // where the download is
	Needs   string // what a source must hold
	Classes []Class
	Fundus  bool // photographs, which can be cropped

	test tenths // of each class; officialTest if the set says which images
	find func(*Set, *source) ([]*Image, error)
}

// A Class is one folder of the result.
type Class struct {
	Folder string // RETFound's name
	Images int    // published, in all splits

	labels   []string // what the source calls it; see plain
	official int      // images in the official test
}

// Sizes are numbers of images in Train, Val and Test.
type Sizes [3]int

// The splits, as indices of Sizes and SplitNames.
const (
	Train = iota
	Val
	Test
)

// SplitNames are the folders of the splits.
var SplitNames = [...]string{"train", "val", "test"}

// Sets are all data sets, in the order of RETFound's list.
var Sets = []*Set{octid, retina, aptos2019, jsiec, idrid, messidor2, papila, glaucomaFundus}

// Find returns the data set of a name, nil if there is none. Case and signs do not count: IDRiD, Glaucoma-fundus.
func Find(name string) *Set {
	for _, s := range Sets {
		if plain(s.Name) == plain(name) {
			return s
		}
	}
	return nil
}

// Published returns the published sizes of the splits of each class.
func (s *Set) Published() []Sizes {
	sizes := make([]Sizes, len(s.Classes))
	for i, c := range s.Classes {
		sizes[i] = s.test.sizes(c.Images, c.official)
	}
	return sizes
}

// tenths are a share of the images of a class.
type tenths int

// officialTest is the share of a set that names its test images.
const officialTest tenths = 0

// sizes splits a class of n images, official of which are the set's own test. Train gets four fifths of what test
// leaves, rounded down.
func (share tenths) sizes(n, official int) Sizes {
	test := official
	switch share {
	case officialTest:
	case 3:
		test = (3*n + 9) / 10 // rounded up
	default:
		test = (int(share)*n + 5) / 10 // rounded to the nearest
	}
	val := (n - test + 4) / 5
	return Sizes{n - test - val, val, test}
}

func sum(sizes []Sizes) (total Sizes) {
	for _, s := range sizes {
		for split, n := range s {
			total[split] += n
		}
	}
	return total
}

// class returns the index of the class that the source calls label.
func (s *Set) class(label string) (index int, ok bool) {
	label = plain(label)
	for i, c := range s.Classes {
		for _, l := range c.labels {
			if plain(l) == label {
				return i, true
			}
		}
	}
	return 0, false
}

// plain is a name's letters and digits in lower case: names of folders lose spaces and signs on their way through
// archives and file systems.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		}
		return -1
	}, name)
}

// sizes returns the sizes of the splits of each class of images. They are the published ones, unless anyCount allows
// others.
func (s *Set) sizes(images []*Image, anyCount bool) ([]Sizes, error) {
	found, official := make([]int, len(s.Classes)), make([]int, len(s.Classes))
	for _, img := range images {
		found[img.Class]++
		if img.official {
			official[img.Class]++
		}
	}
	sizes := make([]Sizes, len(s.Classes))
	var wrong, small problems
	total := 0
	for i, c := range s.Classes {
		total += c.Images
		sizes[i] = s.test.sizes(found[i], official[i])
		switch {
		case found[i] != c.Images:
			wrong.add("%s: published %d, found %d", c.Folder, c.Images, found[i])
		case official[i] != c.official:
			wrong.add("%s: published %d for the official test, found %d", c.Folder, c.official, official[i])
		}
		if sizes[i][Train] == 0 || sizes[i][Val] == 0 || sizes[i][Test] == 0 {
			small.add("%s: %d", c.Folder, found[i])
		}
	}
	switch {
	case len(wrong) > 0 && !anyCount:
		return nil, fmt.Errorf("%s was published with %d images, the source has %d; by class:\n%v\n"+
			"the download is not whole, or another release: get it again, or take it as it is with -any-count",
			s.Name, total, len(images), wrong)
	case len(small) > 0:
		return nil, fmt.Errorf("classes with too few images to have one in each of train, val and test:\n%v", small)
	}
	return sizes, nil
}

// problems are lines of a message, which is kept short.
type problems []string

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Sprintf(format, args...)) }

func (p problems) String() string {
	const most = 10
	lines := p[:min(len(p), most)]
	text := "  " + strings.Join(lines, "\n  ")
	if len(p) > most {
		text += fmt.Sprintf("\n  and %d more", len(p)-most)
	}
	return text
}
