package prepare

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"fovea/data"
	"fovea/internal/regular"
)

// maxFile bounds the bytes of a file that is read into memory.
const maxFile = 128 << 20

// A source holds the images and tables of a download, in folders or archives.
type source struct {
	path   string
	images []*file
	tables []*file
	notes  []string // for Plan.Report

	closers   []io.Closer
	temporary []string
}

// A file is an image or a table in a source.
type file struct {
	path string // below the source, with slashes; an archive counts as a folder
	size int64
	open func() (io.ReadCloser, error)
	own  string // of an image of one's own: its path, also in a tar archive, in the place of size and open
}

// openSource lists a zip archive, or a folder with archives and files. The caller closes the source.
func openSource(ctx context.Context, name string) (_ *source, err error) {
	s := &source{path: name}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("no file or folder %s: check the path", name)
	case err != nil:
		return nil, err
	case info.IsDir():
		err = s.addFolder(ctx, name)
	case isZip(name), isFirstPart(name):
		err = s.addZipFile(ctx, name, filepath.Base(name))
	default:
		return nil, fmt.Errorf("%s is neither a folder nor a zip archive: unpack it into a folder and name that", name)
	}
	if err == nil && len(s.images) == 0 {
		err = fmt.Errorf("no image in %s: images end in %s; archives other than zip must be unpacked first",
			name, strings.Join(data.Extensions, " "))
	}
	return s, err
}

func (s *source) close() {
	for _, c := range s.closers {
		c.Close()
	}
	for _, name := range s.temporary {
		os.Remove(name)
	}
}

func (s *source) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// addFolder adds the files below a folder. It follows links to files and refuses links to folders, which could lead
// round in circles.
func (s *source) addFolder(ctx context.Context, root string) error {
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err := cmp.Or(err, ctx.Err()); err != nil || name == root {
			return err
		}
		if isJunk(e.Name()) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		below, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		below = filepath.ToSlash(below)
		switch {
		case info.IsDir() && e.Type()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s is a link to a folder: put the folder itself there", name)
		case info.IsDir(), isLaterPart(name):
			return nil
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s is neither a file nor a folder: remove it", name)
		case isZip(name), isFirstPart(name):
			return s.addZipFile(ctx, name, below)
		}
		s.add(&file{path: below, size: info.Size(), open: func() (io.ReadCloser, error) { return regular.Open(name) }})
		return nil
	})
}

// add keeps a file if it is an image or a table.
func (s *source) add(f *file) {
	switch ext := strings.ToLower(path.Ext(f.path)); {
	case slices.Contains(data.Extensions, ext):
		s.images = append(s.images, f)
	case ext == ".csv", ext == ".xlsx":
		s.tables = append(s.tables, f)
	}
}

// isJunk reports whether a file is one that operating systems leave beside those of a person.
func isJunk(base string) bool { return strings.HasPrefix(base, ".") || base == "__MACOSX" }

// read returns the whole content.
func (f *file) read() ([]byte, error) {
	if f.own != "" {
		content, err := data.ReadFile(f.own)
		if err != nil {
			err = fmt.Errorf("reading %s: %w", f.path, err)
		}
		return content, err
	}
	if f.size > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, more than the limit of %d: no image or table of the set does",
			f.path, f.size, maxFile)
	}
	r, err := f.open()
	if errors.Is(err, zip.ErrAlgorithm) {
		return nil, fmt.Errorf("%s is compressed by a method that only some programs know: "+
			"unpack the archive with one and name the folder", f.path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.path, err)
	}
	defer r.Close()
	var content bytes.Buffer
	content.Grow(int(f.size) + bytes.MinRead) // ReadFrom wants this much room at the end
	_, err = content.ReadFrom(io.LimitReader(r, f.size+1))
	if err == nil && int64(content.Len()) != f.size {
		err = fmt.Errorf("its size is not %d bytes any more", f.size)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w; if it is damaged, get it again", f.path, err)
	}
	return content.Bytes(), nil
}

func (f *file) base() string { return path.Base(f.path) }

// stem returns the name in lower case and, of an image, without its ending.
func (f *file) stem() string { return stem(f.base()) }

func stem(name string) string {
	name = strings.ToLower(name)
	if ext := path.Ext(name); slices.Contains(data.Extensions, ext) {
		return strings.TrimSuffix(name, ext)
	}
	return name
}

// folders returns the plain names of the folders and archives around f, from the outermost.
func (f *file) folders() []string {
	parts := strings.Split(f.path, "/")
	parts = parts[:len(parts)-1]
	for i, p := range parts {
		if isZip(p) || isFirstPart(p) {
			p = p[:strings.LastIndex(strings.ToLower(p), ".zip")]
		}
		parts[i] = plain(p)
	}
	return parts
}

// within reports whether a folder around f has a plain name that contains part.
func (f *file) within(part string) bool {
	return slices.ContainsFunc(f.folders(), func(name string) bool { return strings.Contains(name, part) })
}

// filter returns the files that keep accepts.
func filter(files []*file, keep func(*file) bool) []*file {
	return slices.DeleteFunc(slices.Clone(files), func(f *file) bool { return !keep(f) })
}
