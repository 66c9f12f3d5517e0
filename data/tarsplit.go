package data

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fovea/data/store"
	"fovea/data/tars"
	"fovea/internal/naming"
	"fovea/internal/textfile"
)

// TarImages lists the images in a tar archive, in its order, as ARCHIVE/MEMBER. All functions of this package read
// images by such paths.
func TarImages(archive string) ([]string, error) {
	var paths []string
	err := tars.Each(archive, func(path string, _ io.Reader) error {
		if isImage(filepath.Base(path)) {
			paths = append(paths, path)
		}
		return nil
	})
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("no image in the archive %s: images end in %s", archive, strings.Join(Extensions, " "))
	}
	return paths, err
}

// SplitArchives returns the tar archives of a split: dir itself if it is one, else dir/SPLIT/*.tar, else dir/SPLIT.tar
// and dir/SPLIT-*.tar. They are sorted by name. Where there are folders of classes, those count: the archives beside
// them are left out, with a warning.
func SplitArchives(dir, split string) []string {
	if tars.IsArchive(dir) {
		return []string{dir}
	}
	folder := dir
	var near, archives []string
	if split != "" {
		folder = store.Join(dir, split)
		_, files, _ := list(dir)
		for _, name := range files {
			fits := strings.TrimSuffix(name, filepath.Ext(name)) == split || strings.HasPrefix(name, split+"-")
			if path := store.Join(dir, name); fits && isArchive(path) {
				near = append(near, path)
			}
		}
	}
	folders, files, err := list(folder)
	if err != nil { // there is none
		return near
	}
	for _, name := range files {
		if path := store.Join(folder, name); isArchive(path) {
			archives = append(archives, path)
		}
	}
	if len(folders) > 0 {
		near, archives = append(archives, near...), nil
	}
	if len(near) > 0 {
		slog.Warn("tar archives are left out that lie beside the folder of a split or its classes", "number", len(near),
			"first", near[0], "folder", folder, "remedy", "keep the folder or the archives, not both")
	}
	if i := slices.IndexFunc(files, isImage); archives != nil && i >= 0 {
		slog.Warn("images are left out that lie beside tar archives", "folder", folder, "first", files[i], "remedy",
			"put them into an archive, with their labels")
	}
	return archives
}

func isArchive(path string) bool {
	return !strings.HasPrefix(filepath.Base(path), beside) && tars.IsArchive(path)
}

// OpenPart lists a split of the data set in dir: what [OpenSplit] finds in the folder dir/SPLIT, or what [OpenTars] finds
// in the archives that [SplitArchives] returns. Labels of members that are numbers count from 0 in the lines of
// dir/classes.txt, else in numbered, which may be nil. Where there is a classes.txt, it must name all classes.
func OpenPart(dir, split string, numbered []string) (*Split, error) {
	archives := SplitArchives(dir, split)
	if archives == nil {
		return OpenSplit(store.Join(dir, split))
	}
	file, names, err := readClassNames(dir)
	if err != nil {
		return nil, err
	}
	if names != nil {
		numbered = names
	}
	s, err := OpenTars(dir, split, archives, numbered)
	if err != nil || names == nil {
		return s, err
	}
	for _, x := range s.Samples {
		if class := s.Classes[x.Class]; !slices.Contains(names, class) {
			return nil, fmt.Errorf("%s has the class %.100s, which %s does not name: it names %.300s; correct the label or add "+
				"a line", x.Path, naming.Quote(class), file, naming.List(names))
		}
	}
	return s, nil
}

// Packed reports whether the images lie in tar archives.
func (s *Split) Packed() bool {
	_, _, packed := tars.Split(s.Samples[0].Path)
	return packed
}

// addClasses gives a split of archives the classes of the classes.txt in dir that it has no image of. train must have one
// of each.
func (s *Split) addClasses(dir string) error {
	file, names, err := readClassNames(dir)
	if err != nil || names == nil || !s.Packed() {
		return err
	}
	if missing := without(names, s.Classes); len(missing) > 0 && s.Name == "train" {
		return fmt.Errorf("%s names classes of which %s has no image: %s; remove the lines or add images", file, s,
			quoteList(missing))
	}
	slices.Sort(names)
	for i, x := range s.Samples {
		s.Samples[i].Class, _ = slices.BinarySearch(names, s.Classes[x.Class])
	}
	s.Classes = names
	return nil
}

// classNames names the file with the classes of a data set of archives, one a line.
const classNames = "classes.txt"

// readClassNames returns the lines of the classes.txt of a data set, nil if there is none.
func readClassNames(dir string) (file string, names []string, err error) {
	if tars.IsArchive(dir) {
		dir = filepath.Dir(dir)
	}
	file = store.Join(dir, classNames)
	text, err := store.ReadFile(file, maxLabel)
	if errors.Is(err, fs.ErrNotExist) {
		return file, nil, nil
	}
	var lines []string
	if err == nil {
		lines, err = textfile.Lines(bytes.NewReader(text), 32*maxLabel)
	}
	if err != nil {
		return "", nil, fmt.Errorf("reading the names of classes: %w", err)
	}
	for _, line := range lines {
		switch line = naming.Fold(line); {
		case line == "": // blanks
		case slices.Contains(names, line):
			return "", nil, fmt.Errorf("%s names the class %.100s twice: each class has one line", file, naming.Quote(line))
		default:
			names = append(names, line)
		}
	}
	if names == nil {
		return "", nil, fmt.Errorf("%s is empty: write the names of the classes into it, one a line", file)
	}
	return file, names, nil
}

// OpenTars lists the images of tar archives with the labels of members beside them, as WebDataset has them: KEY.cls, or
// KEY.json with the key label, class or cls, for KEY.jpg. A label is the name of a class, or its number from 0 in
// classes. The images stand in the order of the archives. It returns an error if an image has no label, or a label no
// image or several.
func OpenTars(dir, name string, archives, classes []string) (*Split, error) {
	s := &Split{Name: name, Dir: dir}
	var named []string // the class of each sample
	for _, archive := range archives {
		labels, err := s.addArchive(archive, classes)
		if err != nil {
			return nil, err
		}
		first := len(named)
		owner := map[string]string{} // the image of a key
		for _, sample := range s.Samples[first:] {
			key := strings.TrimSuffix(sample.Path, filepath.Ext(sample.Path))
			if _, ok := labels[key]; !ok {
				key = firstKey(sample.Path)
			}
			label, ok := labels[key]
			if !ok {
				return nil, fmt.Errorf("%s has no label: put KEY.cls, or KEY.json with the key label, beside KEY%s in the archive",
					sample.Path, filepath.Ext(sample.Path))
			}
			if other := owner[key]; other != "" {
				return nil, fmt.Errorf("%s and %s have one key, and so one label: pack one image for each key", other,
					filepath.Base(sample.Path))
			}
			owner[key] = sample.Path
			named = append(named, label)
		}
		if len(owner) < len(labels) {
			for _, key := range slices.Sorted(maps.Keys(labels)) {
				if owner[key] == "" {
					return nil, fmt.Errorf("%s has a label but no image: pack an image KEY.png with it (images end in %s), or remove "+
						"the label", key, strings.Join(Extensions, " "))
				}
			}
		}
	}
	if len(s.Samples) == 0 {
		return nil, fmt.Errorf("no image in the %d archives of %s: images end in %s", len(archives), s,
			strings.Join(Extensions, " "))
	}
	s.Classes = slices.Compact(slices.Sorted(slices.Values(named)))
	for i, label := range named {
		s.Samples[i].Class, _ = slices.BinarySearch(s.Classes, label)
	}
	return s, nil
}

// addArchive adds the images of an archive, without their classes, and returns its labels by key.
func (s *Split) addArchive(archive string, classes []string) (labels map[string]string, err error) {
	labels = map[string]string{}
	known := naming.NewIndex(classes)
	texts := map[string]string{} // so that the name of a class is kept once
	return labels, tars.Each(archive, func(path string, content io.Reader) error {
		ext := extension(path)
		if isImage(filepath.Base(path)) {
			s.Samples = append(s.Samples, Sample{Path: path})
		}
		if ext != ".cls" && ext != ".json" {
			return nil
		}
		key := strings.TrimSuffix(path, filepath.Ext(path))
		if _, there := labels[key]; there && ext == ".json" {
			return nil // the class of a .cls file counts
		}
		label, err := readLabel(content, ext)
		if err != nil || label == "" {
			return err
		}
		if _, ok := texts[label]; !ok {
			if texts[label], err = classOf(label, classes, known); err != nil {
				return err
			}
		}
		labels[key] = texts[label]
		return nil
	})
}

// firstKey returns what WebDataset calls the key: all before the first dot of the name.
func firstKey(path string) string {
	dir, base := filepath.Split(path)
	key, _, _ := strings.Cut(base, ".")
	return dir + key
}

// maxLabel is the size of the largest label file, in bytes.
const maxLabel = 1 << 20

// readLabel returns the label in a .cls or .json file, "" for a .json file without one.
func readLabel(content io.Reader, ext string) (string, error) {
	text, err := io.ReadAll(io.LimitReader(content, maxLabel+1))
	if err != nil {
		return "", err
	}
	if len(text) > maxLabel {
		return "", fmt.Errorf("a label of more than %d bytes", maxLabel)
	}
	if ext == ".cls" {
		label := strings.TrimSpace(string(text))
		if label == "" {
			return "", errors.New("it holds no label: a .cls file is the class alone")
		}
		return label, nil
	}
	var object struct{ Label, Class, Cls any }
	if err := json.Unmarshal(text, &object); err != nil {
		return "", err
	}
	for _, value := range []any{object.Label, object.Class, object.Cls} {
		switch v := value.(type) {
		case nil:
		case string:
			return strings.TrimSpace(v), nil
		case float64:
			return strconv.FormatFloat(v, 'f', -1, 64), nil
		default:
			return "", errors.New("its label is neither a name nor a number")
		}
	}
	return "", nil
}

// classOf returns the name of the class that a label says. known is the index of classes.
func classOf(label string, classes []string, known *naming.Index) (string, error) {
	if i, ok := known.Find(label); ok {
		return classes[i], nil
	}
	n, err := strconv.Atoi(label)
	switch {
	case err != nil:
		return naming.Fold(label), nil
	case classes == nil:
		return "", fmt.Errorf("its class is the number %d, and nothing names the classes: write their names, one a line, into "+
			"%s in the folder of the data, the first for 0, or set data.classes to the names alone", n, classNames)
	case n < 0 || n >= len(classes):
		return "", fmt.Errorf("its class has the number %d, but the %d classes have the numbers 0 to %d", n, len(classes),
			len(classes)-1)
	}
	return classes[n], nil
}
