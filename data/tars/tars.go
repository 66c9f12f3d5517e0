// Package tars reads images and labels that lie in tar archives, as WebDataset writes them. A member is called
// ARCHIVE.tar/MEMBER, as if the archive was a folder. Nothing is unpacked: an archive is read once for the list of its
// members, and each member is read where it lies when somebody wants it. Memory holds the list and what is being read.
//
// Archives may be hostile. The number and the names of members, and the size of a member that is read, have limits. No
// name reaches the file system.
package tars

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"fovea/data/store"
	"fovea/internal/naming"
)

// Limits of an archive.
const (
	maxMembers = 10_000_000
	maxNames   = 512 << 20 // bytes of all names together
)

const ending = ".tar"

// IsArchive reports whether path is a regular file or an object whose name ends in .tar.
func IsArchive(path string) bool {
	return strings.EqualFold(filepath.Ext(path), ending) && store.IsFile(path)
}

// Split returns the archive and the member that a path such as ARCHIVE.tar/MEMBER names. ok is false if no part of the
// path is an archive.
func Split(path string) (archive, member string, ok bool) {
	slashed := filepath.ToSlash(path)
	for from := 0; ; {
		at := strings.Index(slashed[from:], "/")
		if at < 0 {
			return "", "", false
		}
		if at += from; at >= len(ending) && strings.EqualFold(slashed[at-len(ending):at], ending) &&
			(known(path[:at]) != nil || IsArchive(path[:at])) {
			return path[:at], slashed[at+1:], true
		}
		from = at + 1
	}
}

// Stat describes a file, or the archive that a path names a member of.
func Stat(path string) (fs.FileInfo, error) {
	if archive, _, ok := Split(path); ok {
		path = archive
	}
	return store.Stat(path)
}

// A member is a file in an archive.
type member struct {
	name         string // with slashes
	offset, size int64  // bytes
}

// An index lists the members of an archive.
type index struct {
	members []member      // by name
	version store.Version // of the archive when it was listed
}

var (
	mu      sync.Mutex // guards indexes
	indexes = map[string]*index{}
)

// Listed reports whether [Each] has listed an archive.
func Listed(archive string) bool { return known(archive) != nil }

func known(archive string) *index {
	mu.Lock()
	defer mu.Unlock()
	return indexes[archive]
}

// Each lists an archive and calls do with the path of each member that is a file, in the order of the archive, and with
// its content, which is valid until do returns. Errors name the archive and the member.
func Each(archive string, do func(path string, content io.Reader) error) error {
	f, err := store.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	x, err := list(f, archive, do)
	if err != nil {
		return fmt.Errorf("reading the archive %s: %w", archive, err)
	}
	mu.Lock()
	defer mu.Unlock()
	indexes[archive] = x
	return nil
}

func list(f store.File, archive string, do func(path string, content io.Reader) error) (*index, error) {
	x := &index{version: f.Version()}
	w := &window{file: f, buffer: make([]byte, windowSize)}
	in := &headers{window: w, size: x.version.Size}
	names := 0
	for {
		h, err := in.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("behind %d members: %w: it is no tar archive, or was cut short: copy it again; a compressed "+
				"one must be unpacked to .tar", len(x.members), err)
		}
		if h.Typeflag != tar.TypeReg {
			continue // folders, links and devices hold no image
		}
		name := path.Clean(h.Name)
		if !fs.ValidPath(name) || name == "." {
			return nil, fmt.Errorf("the name of the member %s leaves the archive: pack it again", naming.Quote(short(h.Name)))
		}
		if isSparse(h) {
			return nil, fmt.Errorf("the member %s is a sparse file, which is not read: pack it again without -S",
				naming.Quote(short(name)))
		}
		if names += len(name); len(x.members) == maxMembers || names > maxNames {
			return nil, fmt.Errorf("it has more than %d members or %d bytes of names: divide it", maxMembers, maxNames)
		}
		whole := archive + "/" + name
		if !store.Remote(archive) {
			whole = archive + string(filepath.Separator) + filepath.FromSlash(name)
		}
		x.members = append(x.members, member{filepath.ToSlash(whole[len(archive)+1:]), w.at, h.Size})
		if err := do(whole, io.LimitReader(w, h.Size)); err != nil {
			return nil, fmt.Errorf("the member %s: %w", naming.Quote(short(name)), err)
		}
	}
	if in.size < in.next+blockSize { // an archive ends with two blocks of zeros
		return nil, fmt.Errorf("behind %d members: it has no end, so it was cut short: copy it again, or pack it again to the end",
			len(x.members))
	}
	slices.SortFunc(x.members, func(a, b member) int { return cmp.Compare(a.name, b.name) })
	for i := 1; i < len(x.members); i++ {
		if name := x.members[i].name; name == x.members[i-1].name {
			return nil, fmt.Errorf("the member %s is there twice: pack it again with names that differ",
				naming.Quote(short(name)))
		}
	}
	x.members = slices.Clip(x.members)
	return x, nil
}

func short(name string) string { return fmt.Sprintf("%.200s", name) }

func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

// ErrReplaced is the error about an archive that is not the one that was listed, by its size and time.
var ErrReplaced = errors.New("the archive was replaced after it had been listed: start again")

// Read returns the content of a member, which [Split] found. More than most bytes are an error, and so is [ErrReplaced].
// It lists the archive if [Each] has not. It is safe for concurrent use.
func Read(archive, name string, most int64) ([]byte, error) {
	x := known(archive)
	if x == nil {
		if err := Each(archive, func(string, io.Reader) error { return nil }); err != nil {
			return nil, err
		}
		x = known(archive)
	}
	fail := func(err error) ([]byte, error) {
		return nil, &fs.PathError{Op: "read", Path: archive + "/" + name, Err: err}
	}
	byName := func(m member, name string) int { return cmp.Compare(m.name, name) }
	i, there := slices.BinarySearchFunc(x.members, name, byName)
	if !there {
		return fail(fs.ErrNotExist)
	}
	m := x.members[i]
	if m.size > most {
		return fail(fmt.Errorf("the file has more than %d bytes, the limit for files of its kind", most))
	}
	f, err := store.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Version() != x.version {
		return fail(ErrReplaced)
	}
	content := make([]byte, m.size)
	if _, err := f.ReadAt(content, m.offset); err != nil {
		return fail(err)
	}
	return content, nil
}
