package data

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fovea/data/store"
	"fovea/data/tars"
	"fovea/internal/naming"
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
// and dir/SPLIT-*.tar. They are sorted. A folder of the split that has folders in it has no archives.
func SplitArchives(dir, split string) []string {
	if tars.IsArchive(dir) {
		return []string{dir}
	}
	if folders, files, err := list(store.Join(dir, split)); err == nil {
		return archivesOf(store.Join(dir, split), folders, files, func(string) bool { return true })
	}
	_, files, _ := list(dir)
	return archivesOf(dir, nil, files, func(name string) bool {
		return strings.TrimSuffix(name, filepath.Ext(name)) == split || strings.HasPrefix(name, split+"-")
	})
}

func archivesOf(dir string, folders, files []string, fits func(name string) bool) (archives []string) {
	for _, name := range files {
		if path := store.Join(dir, name); len(folders) == 0 && fits(name) && tars.IsArchive(path) {
			archives = append(archives, path)
		}
	}
	return archives
}

// OpenTars lists the images of tar archives with the labels of members beside them, as WebDataset has them: KEY.cls, or
// KEY.json with the key label, class or cls, for KEY.jpg. A label is the name of a class, or its number from 0 in
// classes. The images stand in the order of the archives.
func OpenTars(dir, name string, archives, classes []string) (*Split, error) {
	s := &Split{Name: name, Dir: dir}
	var named []string // of each sample
	for _, archive := range archives {
		labels := map[string]string{} // by key
		first := len(s.Samples)
		err := tars.Each(archive, func(path string, content io.Reader) error {
			switch ext := extension(path); {
			case isImage(filepath.Base(path)):
				s.Samples = append(s.Samples, Sample{Path: path})
			case ext == ".cls", ext == ".json":
				key := strings.TrimSuffix(path, filepath.Ext(path))
				if _, there := labels[key]; there && ext == ".json" {
					return nil // the class of a .cls file counts
				}
				label, err := readLabel(content, ext, classes)
				if err != nil {
					return err
				}
				labels[key] = label
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, sample := range s.Samples[first:] {
			label, ok := labels[strings.TrimSuffix(sample.Path, filepath.Ext(sample.Path))]
			if !ok {
				label, ok = labels[firstKey(sample.Path)]
			}
			if !ok {
				return nil, fmt.Errorf("%s has no label: put KEY.cls, or KEY.json with the key label, beside KEY%s in the archive",
					sample.Path, filepath.Ext(sample.Path))
			}
			named = append(named, label)
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

// firstKey returns what WebDataset calls the key: all before the first dot of the name.
func firstKey(path string) string {
	dir, base := filepath.Split(path)
	key, _, _ := strings.Cut(base, ".")
	return dir + key
}

// maxLabel is the size of the largest label file, in bytes.
const maxLabel = 1 << 20

// readLabel returns the name of a class from the content of a .cls or .json file.
func readLabel(content io.Reader, ext string, classes []string) (string, error) {
	text, err := io.ReadAll(io.LimitReader(content, maxLabel+1))
	if err != nil {
		return "", err
	}
	if len(text) > maxLabel {
		return "", fmt.Errorf("a label of more than %d bytes", maxLabel)
	}
	label := strings.TrimSpace(string(text))
	if ext == ".json" {
		var object struct{ Label, Class, Cls any }
		if err := json.Unmarshal(text, &object); err != nil {
			return "", err
		}
		label = ""
		for _, value := range []any{object.Cls, object.Class, object.Label} { // the last counts
			switch v := value.(type) {
			case string:
				label = v
			case float64:
				label = strconv.FormatFloat(v, 'f', -1, 64)
			}
		}
	}
	if label == "" {
		return "", errors.New("it holds no label: a .cls file is the class alone, a .json file has the key label")
	}
	if slices.Contains(classes, label) {
		return label, nil
	}
	if n, err := strconv.Atoi(label); err == nil {
		if n < 0 || n >= len(classes) {
			return "", fmt.Errorf("its class has the number %d, but the classes of the model are 0 to %d", n, len(classes)-1)
		}
		return classes[n], nil
	}
	return naming.Fold(label), nil
}
