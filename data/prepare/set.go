package prepare

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// A Set is a data set of the benchmark.
type Set struct {
	Name    string // on the command line and in the name of its config
	Origin  string // address of the download
	Needs   string // content of a complete source, for people
	Classes []Class
	Fundus  bool   // whether the images are fundus photographs, which can be cropped
	Test    tenths // fraction of each class for the test; officialTest if the set names the images

	find func(*Set, *source) ([]*Image, error) // nil: byFolder
}

// A Class is one folder of the result.
type Class struct {
	Folder   string   // RETFound's name
	Images   int      // published, in all splits
	Labels   []string // the source's words for it, see plain; none: the name of the folder
	Official int      // images in the official test
}

// Sizes holds the numbers of images in Train, Val and Test.
type Sizes [3]int

// The splits are indices of Sizes and SplitNames.
const (
	Train = iota
	Val
	Test
)

// SplitNames holds the names of the splits' folders.
var SplitNames = [...]string{"train", "val", "test"}

// Sets lists all data sets in the order of RETFound's list.
var Sets = readSets(sets)

//go:embed sets.toml
var sets []byte

func readSets(text []byte) []*Set {
	var list struct{ Sets []*Set }
	if err := toml.Unmarshal(text, &list); err != nil {
		panic("sets.toml: " + err.Error())
	}
	for _, s := range list.Sets {
		s.find = finders[s.Name]
		for i, c := range s.Classes {
			if c.Labels == nil {
				s.Classes[i].Labels = []string{c.Folder}
			}
		}
	}
	return list.Sets
}

// Find returns the data set with a name, or nil if there is none. Case and punctuation do not count: IDRiD,
// Glaucoma-fundus.
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
		sizes[i] = s.Test.sizes(c.Images, c.Official)
	}
	return sizes
}

// tenths is a fraction of the images of a class, in tenths.
type tenths int

// officialTest stands for the fraction of a set that names its test images.
const officialTest tenths = 0

// sizes returns the splits of a class of n images, official of which are the set's own test. Train gets four fifths of
// the images that test leaves, rounded down.
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

// sum adds up the sizes of all classes.
func sum(sizes []Sizes) (total Sizes) {
	for _, s := range sizes {
		for split, n := range s {
			total[split] += n
		}
	}
	return total
}

// class returns the index of the class that has a label.
func (s *Set) class(label string) (index int, ok bool) {
	label = plain(label)
	for i, c := range s.Classes {
		for _, l := range c.Labels {
			if plain(l) == label {
				return i, true
			}
		}
	}
	return 0, false
}

// plain returns a name's letters and digits in lower case: names of folders lose spaces and punctuation on their way
// through archives and file systems.
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

// sizes returns the sizes of the splits for each class of images. It is an error if they differ from the published
// ones, unless anyCount is set, or if a split of a class is empty.
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
		sizes[i] = s.Test.sizes(found[i], official[i])
		switch {
		case found[i] != c.Images:
			wrong.add("%s: published %d, found %d", c.Folder, c.Images, found[i])
		case official[i] != c.Official:
			wrong.add("%s: published %d for the official test, found %d", c.Folder, c.Official, official[i])
		}
		if sizes[i][Train] == 0 || sizes[i][Val] == 0 || sizes[i][Test] == 0 {
			small.add("%s: %d", c.Folder, found[i])
		}
	}
	switch {
	case len(wrong) > 0 && !anyCount:
		return nil, fmt.Errorf("%s was published with %d images, the source has %d; by class:\n%w\n"+
			"the download is not whole, or another release: get it again, or take it as it is with -any-count",
			s.Name, total, len(images), wrong)
	case len(small) > 0:
		return nil, fmt.Errorf("classes with too few images to have one in each of train, val and test:\n%w", small)
	}
	return sizes, nil
}

// problems holds the lines of a message, of which at most ten are shown.
type problems []string

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Sprintf(format, args...)) }

// Error returns the lines that are shown.
func (p problems) Error() string { return strings.Join(p.Lines(), "\n") }

// Lines returns the lines that are shown, indented.
func (p problems) Lines() []string {
	const most = 10
	var lines []string
	for _, line := range p[:min(len(p), most)] {
		lines = append(lines, "  "+line)
	}
	if len(p) > most {
		lines = append(lines, fmt.Sprintf("  and %d more", len(p)-most))
	}
	return lines
}
