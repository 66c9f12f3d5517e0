package data

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fovea/data/store"
	"fovea/data/tars"
	"fovea/internal/naming"
)

// Extensions lists the endings of file names that count as images, in lower case; case is ignored. They are
// torchvision's IMG_EXTENSIONS.
var Extensions = []string{".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"}

// A Sample is one labelled image file.
type Sample struct {
	Path  string
	Class int // index into Split.Classes
	Row   int // index into Split.Rows; 0 where there are none
}

// A Split is one folder of class folders, the images of archives, or a part of the images that a table labels.
type Split struct {
	Name    string   // such as "train"
	Dir     string   // the folder of the split, or of all images
	Classes []string // names of the class folders, sorted by code point
	Samples []Sample // by class, then by path; those of archives and tables in their order

	// Attributes names what a table of labels tells of each image beside its class, such as "patient", "eye" and "camera".
	// Rows holds their values. Both are nil for folders of classes.
	Attributes []string
	Rows       [][]string

	Verified []Fingerprint // of Samples, which only their user can fill in; nil: not verified
}

// String returns the split for a message.
func (s *Split) String() string {
	if s.Name == "" || filepath.Base(s.Dir) == s.Name {
		return s.Dir
	}
	return fmt.Sprintf("the split %s of %s", s.Name, s.Dir)
}

// Attribute returns what a table tells of a sample under one of the names of Attributes, "" where it tells nothing.
func (s *Split) Attribute(x Sample, name string) string {
	if i := slices.Index(s.Attributes, name); i >= 0 {
		return s.Rows[x.Row][i]
	}
	return ""
}

// A Dataset is a folder with the splits train, val and test, which have the same classes.
type Dataset struct {
	Train, Val, Test *Split
}

// Open lists the data set in dir. It returns an error if a split is missing or invalid, if train has fewer than two
// classes, or if the classes of the splits differ: torchvision would number them differently then. [OpenPart] says how a
// split is listed, and what numbered is for.
func Open(dir string, numbered ...string) (*Dataset, error) {
	d, err := openSplits(dir, numbered)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(sameClasses(d.Train, d.Val), sameClasses(d.Train, d.Test)); err != nil {
		return nil, err
	}
	return d, nil
}

func openSplits(dir string, numbered []string) (*Dataset, error) {
	if err := checkSplits(dir); err != nil {
		return nil, err
	}
	var d Dataset
	var errs []error
	for _, s := range []struct {
		name string
		into **Split
	}{{"train", &d.Train}, {"val", &d.Val}, {"test", &d.Test}} {
		split, err := OpenPart(dir, s.name, numbered)
		if err == nil {
			err = split.addClasses(dir)
		}
		errs = append(errs, err)
		*s.into = split
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if len(d.Train.Classes) < 2 {
		return nil, fmt.Errorf("%s has the single class %q: a classifier needs at least two classes",
			d.Train, d.Train.Classes[0])
	}
	return &d, nil
}

// checkSplits returns an error if dir lacks train, val or test, as a folder or as archives.
func checkSplits(dir string) error {
	folders, files, err := list(dir)
	if err != nil {
		return err
	}
	var missing []string
	for _, name := range []string{"train", "val", "test"} {
		if !slices.Contains(folders, name) && SplitArchives(dir, name) == nil {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	for _, f := range files {
		if isArchive(filepath.Join(dir, f)) {
			folders = append(folders, f)
		}
	}
	return fmt.Errorf("missing in %s: %s; a data set is train, val and test, each with a folder a class or tar archives; "+
		"found: %s", dir, quoteList(missing), quoteList(folders))
}

// sameClasses gives other the names and numbers of train's classes. It returns an error that names the classes of only
// one of the two splits.
func sameClasses(train, other *Split) error {
	numbers := naming.Match(other.Classes, train.Classes)
	missing := naming.Unmatched(numbers, train.Classes)
	var extra, parts []string
	for i, n := range numbers {
		if n < 0 {
			extra = append(extra, other.Classes[i])
		}
	}
	if len(missing) > 0 {
		parts = append(parts, "lacks "+quoteList(missing))
	}
	if len(extra) > 0 {
		parts = append(parts, "has in addition "+quoteList(extra))
	}
	if len(parts) == 0 {
		for i, sample := range other.Samples { // names may be sorted otherwise in another normal form
			other.Samples[i].Class = numbers[sample.Class]
		}
		if !slices.IsSorted(numbers) {
			slices.SortStableFunc(other.Samples, func(a, b Sample) int { return a.Class - b.Class })
		}
		other.Classes = slices.Clone(train.Classes)
		return nil
	}
	remedy := "rename, move or remove class folders"
	if other.Packed() {
		remedy = "correct the labels, or name all classes in classes.txt"
	}
	return fmt.Errorf("the classes of %s differ from those of %s: it %s; %s", other, train, strings.Join(parts, " and "), remedy)
}

// OpenSplit lists the class folders in dir and the images in them, at any depth, in the order of
// torchvision.datasets.ImageFolder. It follows symbolic links. It returns an error if there is no class folder or one
// holds no image.
func OpenSplit(dir string) (*Split, error) {
	classes, files, err := list(dir)
	if err != nil {
		return nil, err
	}
	if len(classes) == 0 {
		if slices.ContainsFunc(files, isImage) {
			return nil, fmt.Errorf("%s holds images but no class folders: put the images of each class in a folder "+
				"that has the class's name", dir)
		}
		if i := slices.IndexFunc(files, isPacked); i >= 0 {
			return nil, fmt.Errorf("%s holds no folder of a class and no tar archive, but %.200s: unpack it, or save it as .tar "+
				"without compression", dir, files[i])
		}
		return nil, fmt.Errorf("%s is empty: it needs a folder a class with images in it", dir)
	}
	s := &Split{Name: filepath.Base(dir), Dir: dir, Classes: classes}
	var empty []string
	var others leftOut
	others.addFiles(dir, files, true)
	for class, name := range classes {
		if strings.HasPrefix(name, ".") {
			others.hidden = append(others.hidden, name)
		}
		paths, err := others.images(store.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if len(paths) == 0 {
			empty = append(empty, name)
		}
		for _, p := range paths {
			s.Samples = append(s.Samples, Sample{Path: p, Class: class})
		}
	}
	others.log(dir)
	switch a, b, twins := naming.Twins(classes); {
	case len(s.Samples) == 0:
		return nil, fmt.Errorf("no image in any of the %d folders of %s: images end in %s",
			len(classes), dir, strings.Join(Extensions, " "))
	case twins:
		return nil, fmt.Errorf("the classes %s and %s of %s look the same but have different bytes: put their images "+
			"in one folder", naming.Quote(a), naming.Quote(b), dir)
	case len(empty) > 0:
		return nil, fmt.Errorf("no image in the class %s of %s: add images (%s) or remove the folder",
			quoteList(empty), dir, strings.Join(Extensions, " "))
	}
	return s, nil
}

// A Shift says that the images of a class folder count as another class.
type Shift struct {
	Split, Class, As string
}

func (s Shift) String() string {
	return fmt.Sprintf("the images of %q in %s count as class %q", s.Class, s.Split, s.As)
}

// OpenSplitNumbered lists the data set in dir as torchvision numbers it: each split by the folders that it has. A class
// that only train has shifts the numbers of the classes behind it in the other splits, so that their images count as
// other classes; shifts lists them.
//
// It returns an error, as Open does, if a split is missing or invalid, and also if one has more classes than train.
func OpenSplitNumbered(dir string, numbered ...string) (d *Dataset, shifts []Shift, err error) {
	if d, err = openSplits(dir, numbered); err != nil {
		return nil, nil, err
	}
	classes := d.Train.Classes
	for _, s := range []*Split{d.Val, d.Test} {
		if len(s.Classes) > len(classes) {
			return nil, nil, fmt.Errorf("%s has %d classes, more than %s with %d: its last would have no number; "+
				"remove or move class folders (%s)", s, len(s.Classes), d.Train, len(classes),
				quoteList(without(s.Classes, classes)))
		}
		for i, name := range s.Classes {
			if name != classes[i] {
				shifts = append(shifts, Shift{s.String(), name, classes[i]})
			}
		}
		s.Classes = slices.Clone(classes)
	}
	return d, shifts, nil
}

// list returns the names of the folders and of the other entries of dir, sorted.
func list(dir string) (folders, files []string, err error) {
	folders, files, err = store.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fmt.Errorf("no folder %s: check the path (%w)", dir, fs.ErrNotExist)
	case err != nil:
		return nil, nil, fmt.Errorf("listing images: %w", err)
	}
	return folders, files, nil
}

// Images lists the image files below dir, at any depth, or those in dir if that is a tar archive. It visits folders in the
// order of their whole paths as strings, which is not the order of a depth-first walk: "a-b" comes before "a/b". It logs
// how many files it leaves out.
func Images(dir string) ([]string, error) {
	if tars.IsArchive(dir) {
		return TarImages(dir)
	}
	var others leftOut
	paths, err := others.images(dir)
	if err == nil {
		others.log(dir)
	}
	return paths, err
}

// A leftOut counts what a folder holds besides images.
type leftOut struct {
	kinds       map[string]int // files by the ending of their names
	first       string         // the first of these
	appleDouble []string       // files that macOS puts beside others
	loose       []string       // images beside the folders of classes
	hidden      []string       // folders of classes whose names begin with a dot
}

// images does what Images does, and counts what it leaves out.
func (o *leftOut) images(dir string) ([]string, error) {
	folders, err := foldersBelow(dir)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		o.addFiles(folder, folders[folder], false)
		for _, f := range folders[folder] {
			if isImage(f) {
				paths = append(paths, store.Join(folder, f))
			}
		}
	}
	return paths, nil
}

// addFiles counts the files of a folder that are no images, and all of them if they are loose.
func (o *leftOut) addFiles(folder string, files []string, loose bool) {
	for _, f := range files {
		path := store.Join(folder, f)
		switch {
		case strings.HasPrefix(f, beside):
			if slices.Contains(Extensions, extension(f)) {
				o.appleDouble = append(o.appleDouble, path)
			}
		case isImage(f):
			if loose {
				o.loose = append(o.loose, path)
			}
		case !strings.HasPrefix(f, ".") && !loose && !tars.Listed(path):
			if o.kinds == nil {
				o.kinds, o.first = map[string]int{}, path
			}
			o.kinds[extension(f)]++
		}
	}
}

// log writes a line for each of the four, with the number.
func (o *leftOut) log(dir string) {
	if len(o.kinds) > 0 {
		var counts []string
		total := 0
		for _, kind := range slices.Sorted(maps.Keys(o.kinds)) {
			total += o.kinds[kind]
			counts = append(counts, fmt.Sprintf("%d %s", o.kinds[kind], cmp.Or(kind, "without an ending")))
		}
		slog.Warn("files are left out, whose names are not those of images", "files", total, "folder", dir,
			"kinds", strings.Join(counts, ", "), "first", o.first, "remedy", "save images as PNG, and rename .jfif to .jpg")
	}
	for _, x := range []struct {
		paths        []string
		text, remedy string
	}{
		{o.appleDouble, "files are left out that macOS puts beside images (._*)", "remove them"},
		{o.loose, "images are left out that lie beside the folders of the classes", "put them into a folder"},
		{o.hidden, "hidden folders count as classes, as in torchvision", "remove those that are none"},
	} {
		if len(x.paths) > 0 {
			slog.Warn(x.text, "number", len(x.paths), "folder", dir, "first", x.paths[0], "remedy", x.remedy)
		}
	}
}

// foldersBelow returns the names of the files in dir and in each folder below it, by the path of the folder.
func foldersBelow(dir string) (map[string][]string, error) {
	if store.Remote(dir) {
		return store.Walk(dir)
	}
	folders := map[string][]string{}
	return folders, addFolder(folders, dir, nil)
}

// addFolder adds dir and the folders below it. above holds the folders around dir: a link to one of them is not followed.
func addFolder(folders map[string][]string, dir string, above []fs.FileInfo) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("listing images: %w", err)
	}
	if slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, info) }) {
		return nil
	}
	above = append(slices.Clip(above), info)
	names, files, err := list(dir)
	if err != nil {
		return err
	}
	folders[dir] = files
	for _, name := range names {
		if err := addFolder(folders, store.Join(dir, name), above); err != nil {
			return err
		}
	}
	return nil
}

// beside begins the names of files that macOS puts beside others on foreign disks. They hold no image.
const beside = "._"

func isImage(name string) bool {
	return slices.Contains(Extensions, extension(name)) && !strings.HasPrefix(name, beside)
}

// isPacked reports whether a file is one of a kind in which archives are compressed.
func isPacked(name string) bool {
	return slices.Contains([]string{".gz", ".tgz", ".zst", ".xz", ".bz2", ".zip", ".7z", ".rar"}, extension(name))
}

// extension returns the ending of a file's name in lower case.
func extension(name string) string { return strings.ToLower(filepath.Ext(name)) }

// without returns the elements of all that are not in some.
func without(all, some []string) []string {
	var rest []string
	for _, s := range all {
		if !slices.Contains(some, s) {
			rest = append(rest, s)
		}
	}
	return rest
}

// quoteList returns the names in quotes for a message, at most ten of them.
func quoteList(names []string) string {
	const most = 10
	if len(names) == 0 {
		return "no folder"
	}
	var b strings.Builder
	for i, n := range names[:min(len(names), most)] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(naming.Quote(n))
	}
	if len(names) > most {
		fmt.Fprintf(&b, " and %d more", len(names)-most)
	}
	return b.String()
}
