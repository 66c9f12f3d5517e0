package labels

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"fovea/data"
	"fovea/data/store"
	"fovea/data/tars"
	"fovea/internal/naming"
	"fovea/internal/table"
)

// An index finds image files by what a table calls them.
type index struct {
	dir   string
	files []string         // relative to dir, with slashes, or absolute
	names map[string][]int // files by each end of their path, with and without the ending of the name
	lower map[string][]int // the same in lower case
}

// path returns the path of a file.
func (x *index) path(file int) string {
	return store.Resolve(x.dir, x.files[file])
}

// newIndex lists the images below dir, and those in tar archives that rows name.
func newIndex(dir string, rows []row) (*index, error) {
	x := &index{dir: dir, names: map[string][]int{}, lower: map[string][]int{}}
	if err := x.addArchives(rows); err != nil {
		return nil, err
	}
	paths, err := data.Images(dir)
	if err != nil {
		return nil, err
	}
	for _, p := range paths {
		rel, err := store.Rel(dir, p)
		if err != nil {
			return nil, err
		}
		x.addFile(rel)
	}
	return x, nil
}

// addArchives adds the images in the tar archives whose members rows name, as ARCHIVE.tar/MEMBER. An archive that no row
// names may be a copy of the images beside it.
func (x *index) addArchives(rows []row) error {
	added := map[string]bool{}
	for _, r := range rows {
		for _, cell := range r.images {
			for end, more := tidy(cell), true; more; _, end, more = strings.Cut(end, "/") {
				if !strings.Contains(strings.ToLower(end), ".tar/") {
					break
				}
				archive, _, ok := tars.Split(store.Resolve(x.dir, end))
				if !ok {
					continue // the table was made elsewhere, with paths that begin above the folder
				}
				if added[archive] {
					break
				}
				added[archive] = true
				name := strings.TrimSuffix(end, filepath.ToSlash(store.Resolve(x.dir, end)[len(archive):]))
				images, err := data.TarImages(archive)
				if err != nil {
					return err
				}
				for _, image := range images {
					x.addFile(name + filepath.ToSlash(image[len(archive):]))
				}
				break
			}
		}
	}
	return nil
}

// tidy returns what a table calls an image with slashes, and without what people write differently.
func tidy(name string) string {
	return strings.TrimPrefix(path.Clean(strings.ReplaceAll(naming.Fold(name), `\`, "/")), "./")
}

// addFile adds a file under each end of its path.
func (x *index) addFile(file string) int {
	i := len(x.files)
	x.files = append(x.files, file)
	for end, more := naming.Fold(file), true; more; _, end, more = strings.Cut(end, "/") {
		x.add(end, i)
		if short := strings.TrimSuffix(end, path.Ext(end)); short != end {
			x.add(short, i)
		}
	}
	return i
}

func (x *index) add(name string, file int) {
	x.names[name] = append(x.names[name], file)
	l := strings.ToLower(name)
	x.lower[l] = append(x.lower[l], file)
}

// find returns the file that a table calls name, or -1. It is an error if several files fit.
func (x *index) find(name string) (int, error) {
	name = tidy(name)
	for end, more := name, true; more; _, end, more = strings.Cut(end, "/") {
		at := x.names[end]
		if at == nil {
			at = x.lower[strings.ToLower(end)]
		}
		var whole []int // a whole path counts more than the end of another
		for _, i := range at {
			if file := x.files[i]; strings.EqualFold(file, end) || strings.EqualFold(strings.TrimSuffix(file, path.Ext(file)), end) {
				whole = append(whole, i)
			}
		}
		if len(whole) == 1 {
			return whole[0], nil
		}
		if end != name {
			continue // the table was made elsewhere, with paths that begin above the folder
		}
		switch len(at) {
		case 1:
			return at[0], nil
		case 0:
		default:
			return -1, fmt.Errorf("%.300s may be %.300s or %.300s: write the path from %s", naming.Quote(name), x.files[at[0]],
				x.files[at[1]], x.dir)
		}
	}
	return x.findElsewhere(name), nil
}

// addByNumber finds files for rows that name none: 7 or 7.0 names the only file 007.png, where a program took the image
// for a number. Files that a row names as they are stay its own. It returns how many it found.
func (x *index) addByNumber(rows []row, column int, found []int) (added int) {
	files := map[string]int{} // by number; -1: several
	for i, file := range x.files {
		name := path.Base(file)
		if n, ok := numberOf(strings.TrimSuffix(name, path.Ext(name))); ok {
			if _, twice := files[n]; twice {
				i = -1
			}
			files[n] = i
		}
	}
	for _, i := range found {
		if i >= 0 {
			name := path.Base(x.files[i])
			if n, ok := numberOf(strings.TrimSuffix(name, path.Ext(name))); ok {
				files[n] = -1
			}
		}
	}
	for i, r := range rows {
		if n, ok := numberOf(whole(naming.Fold(r.images[column]))); ok && found[i] < 0 {
			if file, ok := files[n]; ok && file >= 0 {
				found[i] = file
				added++
			}
		}
	}
	return added
}

// numberOf returns a whole number without the zeros in front of it.
func numberOf(text string) (string, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return "", false
	}
	return strings.TrimLeft(text, "0"), true
}

// findElsewhere returns a file that is not below the folder, or whose name has another ending than images have.
func (x *index) findElsewhere(name string) int {
	at, err := store.Locate(store.Resolve(x.dir, name))
	if err != nil {
		return -1
	}
	if info, err := store.Stat(at); err != nil || info.IsDir() || name == "." {
		return -1
	}
	return x.addFile(name)
}

// chooseImage returns the column whose cells name image files, the file of each row, -1 for none, and how many files were
// found by number alone.
func (h *header) chooseImage(names []string, rows []row, files *index, key string) (column int, found []int, byNumber int, err error) {
	best := -1
	var ambiguous error
	consider := func(k, hits int, at []int) error {
		switch {
		case hits == 0:
		case best >= 0 && !slices.Equal(at, found):
			return fmt.Errorf("the columns %.100q and %.100q both name images, but not the same: say which with %s image=NAME",
				names[h.image[best]], names[h.image[k]], key)
		default:
			best, found = k, at
		}
		return nil
	}
	for k, c := range h.image {
		at := make([]int, len(rows))
		hits := 0
		var wrong error
		for i, r := range rows {
			if table.Missing(r.images[k]) {
				at[i] = -1
				continue
			}
			var e error
			if at[i], e = files.find(r.images[k]); e != nil && wrong == nil {
				wrong = fmt.Errorf("%s, column %.100q: %w", r.place, names[c], e)
			}
			if at[i] >= 0 {
				hits++
			}
		}
		if wrong != nil {
			ambiguous = wrong
		} else if err := consider(k, hits, at); err != nil {
			return 0, nil, 0, err
		}
	}
	if best >= 0 {
		return best, found, files.addByNumber(rows, best, found), nil
	}
	if ambiguous != nil {
		return 0, nil, 0, ambiguous
	}
	for k := range h.image {
		at := slices.Repeat([]int{-1}, len(rows))
		hits := files.addByNumber(rows, k, at)
		if err := consider(k, hits, at); err != nil {
			return 0, nil, 0, err
		}
		byNumber = max(byNumber, hits)
	}
	if best < 0 {
		first := rows[0].images[0]
		there := "there is none"
		if len(files.files) > 0 {
			there = "the first image there is " + files.files[0]
		}
		return 0, nil, 0, fmt.Errorf("no row names an image of %s: the first, %s, column %.100q, has %.300s; %.300s; another "+
			"column is named with %s image=NAME", files.dir, rows[0].place, names[h.image[0]], naming.Quote(first), there, key)
	}
	return best, found, byNumber, nil
}
