package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// maxObjects is the largest number of objects in a list.
const maxObjects = 10_000_000

// each calls do with the objects below a folder, at any depth if deep is set, and remembers their versions. It returns
// the folders in it otherwise. An object whose name ends in a slash is a mark of a folder and no file.
func each(dir string, deep bool, do func(name string)) (folders []string, err error) {
	p, prefix, err := placeOf(dir)
	if err != nil {
		return nil, err
	}
	dir = strings.TrimSuffix(dir, "/") + "/"
	if prefix != "" {
		prefix = strings.TrimSuffix(prefix, "/") + "/"
	}
	count := 0
	for page, first := "", true; first || page != ""; first = false {
		var l *listing
		if err := retry(dir, p, func() error { l, err = p.list(prefix, deep, page); return err }); err != nil {
			return nil, err
		}
		for _, o := range l.objects {
			name := strings.TrimPrefix(o.key, prefix)
			if name == "" || strings.HasSuffix(name, "/") {
				continue
			}
			remember(dir+name, o.version)
			do(name)
		}
		for _, f := range l.folders {
			folders = append(folders, strings.TrimSuffix(strings.TrimPrefix(f, prefix), "/"))
		}
		if count += len(l.objects); count > maxObjects {
			return nil, fmt.Errorf("%s holds more than %d objects: name a folder below it", dir, maxObjects)
		}
		if l.next == page && page != "" {
			return nil, fmt.Errorf("%s: the store lists the same page again", dir)
		}
		page = l.next
	}
	if count+len(folders) == 0 {
		return nil, missing(dir)
	}
	return folders, nil
}

func readFolder(dir string) (folders, files []string, err error) {
	folders, err = each(dir, false, func(name string) { files = append(files, name) })
	slices.Sort(folders)
	slices.Sort(files)
	return folders, files, err
}

// Walk returns the names of the objects in each folder below dir, at any depth, by the path of the folder. Names are
// sorted.
func Walk(dir string) (map[string][]string, error) {
	names := map[string][]string{}
	dir = strings.TrimSuffix(dir, "/")
	_, err := each(dir, true, func(name string) {
		folder := dir
		if i := strings.LastIndexByte(name, '/'); i >= 0 {
			folder, name = dir+"/"+name[:i], name[i+1:]
		}
		names[folder] = append(names[folder], name)
	})
	for _, files := range names {
		slices.Sort(files)
	}
	return names, err
}

// Glob returns the paths that match a pattern of [path.Match] or [filepath.Match], sorted; objects only, where the
// pattern begins with a bucket.
func Glob(pattern string) ([]string, error) {
	if !Remote(pattern) {
		return filepath.Glob(pattern)
	}
	meta := strings.IndexAny(pattern, `*?[`)
	if meta < 0 {
		return nil, nil
	}
	dir := pattern[:strings.LastIndexByte(pattern[:meta], '/')+1]
	rest := pattern[len(dir):]
	if _, err := path.Match(rest, ""); err != nil {
		return nil, err
	}
	var found []string
	_, err := each(dir, strings.Contains(rest, "/"), func(name string) {
		if ok, _ := path.Match(rest, name); ok {
			found = append(found, dir+name)
		}
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	slices.Sort(found)
	return found, err
}

// statObject describes an object, or a folder of objects.
func statObject(name string) (fs.FileInfo, error) {
	p, key, err := placeOf(name)
	if err != nil {
		return nil, err
	}
	_, flat := p.(web)
	if flat || key != "" && !strings.HasSuffix(key, "/") {
		v, err := describe(name)
		if err == nil {
			return info{path.Base(key), v, false}, nil
		}
		if flat || !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if key = strings.TrimSuffix(key, "/"); key != "" {
		key += "/"
	}
	var l *listing
	if err := retry(name, p, func() error { l, err = p.list(key, false, ""); return err }); err != nil {
		return nil, err
	}
	if len(l.objects)+len(l.folders) == 0 {
		return nil, missing(name)
	}
	return info{path.Base(name), Version{}, true}, nil
}

func missing(path string) error {
	return &fs.PathError{Op: "find", Path: path, Err: fmt.Errorf("%w in the store: check the path", fs.ErrNotExist)}
}
