package prepare

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"fovea/internal/regular"
	"fovea/internal/zipfile"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
)

// maxDirectory is the largest number of bytes that are read to list an archive.
const maxDirectory = 64 << 20

// maxRatio limits what an archive in an archive may unpack to, as a multiple of its size.
const maxRatio = 100

// maxNesting is the number of archives that may stand in one another.
const maxNesting = 3

// partName matches the pieces of an archive that was cut: .zip.001, .zip.002 …
var partName = regexp.MustCompile(`(?i)\.zip\.(\d{3,})$`)

func isZip(name string) bool { return strings.EqualFold(path.Ext(name), ".zip") }

// isFirstPart reports whether a file is the first piece of an archive that was cut.
func isFirstPart(name string) bool {
	m := partName.FindStringSubmatch(name)
	return m != nil && m[1] == "001"
}

func isLaterPart(name string) bool { return partName.MatchString(name) && !isFirstPart(name) }

// addZipFile adds the members of an archive, which may be in pieces. below is its path below the source.
func (s *source) addZipFile(ctx context.Context, name, below string) error {
	names := []string{name}
	if isFirstPart(name) {
		names = allParts(name)
	}
	var whole pieces
	for _, name := range names {
		f, err := regular.Open(name)
		if err != nil {
			return err
		}
		s.closers = append(s.closers, f)
		info, err := f.Stat()
		if err != nil {
			return err
		}
		whole = append(whole, piece{f, info.Size()})
	}
	return s.addZip(ctx, whole, whole.size(), below, 1)
}

// allParts returns the paths of all pieces of an archive, from the first on, as far as their numbers have no gap.
func allParts(first string) []string {
	var names []string
	for i := 1; ; i++ {
		name := fmt.Sprintf("%s%03d", strings.TrimSuffix(first, "001"), i)
		if _, err := os.Stat(name); err != nil {
			return names
		}
		names = append(names, name)
	}
}

// addZip adds the members of an archive. It refuses a member whose path leads out of the archive: no member is ever
// written under its own path, but such an archive is not what it seems.
func (s *source) addZip(ctx context.Context, r io.ReaderAt, size int64, below string, depth int) error {
	if depth > maxNesting {
		return fmt.Errorf("%s: archives in archives, more than %d deep: unpack them", below, maxNesting)
	}
	archive, err := zipfile.NewReader(r, size, maxDirectory)
	if err != nil {
		return fmt.Errorf("%s is not a whole zip archive (%w): get it again; "+
			"of one in pieces (.zip.001 …) all must be there", below, err)
	}
	for _, m := range archive.File {
		name := strings.ReplaceAll(m.Name, `\`, "/")
		if leadsOut(name) {
			return fmt.Errorf("%s: the member %q leads out of the archive: do not trust this file, "+
				"get it from its official site", below, m.Name)
		}
		isFolder := strings.HasSuffix(name, "/")
		name = path.Clean(name)
		if isFolder || slices.ContainsFunc(strings.Split(name, "/"), isJunk) {
			continue
		}
		f := &file{path: below + "/" + name, size: int64(m.UncompressedSize64), open: m.Open}
		switch {
		case !m.Mode().IsRegular():
			return fmt.Errorf("%s is a link or a device, not a file: unpack the archive and name the folder", f.path)
		case m.Flags&1 != 0:
			return fmt.Errorf("%s is encrypted: unpack the archive and name the folder", f.path)
		case isZip(name):
			err = s.addInner(ctx, m, f, depth+1)
		default:
			s.add(f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var windowsDrive = regexp.MustCompile(`^[A-Za-z]:`)

func leadsOut(name string) bool {
	return path.IsAbs(name) || windowsDrive.MatchString(name) || slices.Contains(strings.Split(name, "/"), "..")
}

// addInner adds an archive in an archive. It reads a stored one in place, and unpacks a compressed one into a temporary
// file.
func (s *source) addInner(ctx context.Context, m *zip.File, f *file, depth int) error {
	if m.Method == zip.Store {
		raw, err := m.OpenRaw()
		if err != nil {
			return fmt.Errorf("reading %s: %w", f.path, err)
		}
		if at, ok := raw.(io.ReaderAt); ok {
			return s.addZip(ctx, at, f.size, f.path, depth)
		}
	}
	if m.UncompressedSize64/maxRatio > m.CompressedSize64 {
		return fmt.Errorf("%s unpacks to more than %d times its size, so it holds no images: do not trust this file, "+
			"get it from its official site", f.path, maxRatio)
	}
	r, err := f.open()
	if err != nil {
		return fmt.Errorf("reading %s: %w", f.path, err)
	}
	defer r.Close()
	unpacked, err := os.CreateTemp("", "fovea-prepare-*.zip")
	if err != nil {
		return err
	}
	s.closers = append(s.closers, unpacked)
	s.temporary = append(s.temporary, unpacked.Name())
	if _, err := io.Copy(unpacked, cancellable{ctx, r}); err != nil {
		return fmt.Errorf("unpacking %s: %w", f.path, err)
	}
	return s.addZip(ctx, unpacked, f.size, f.path, depth)
}

// A cancellable reader reads until its context ends.
type cancellable struct {
	ctx context.Context
	r   io.Reader
}

func (c cancellable) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// pieces implements io.ReaderAt for a file that was cut.
type pieces []piece

type piece struct {
	r    io.ReaderAt
	size int64
}

func (p pieces) size() (total int64) {
	for _, one := range p {
		total += one.size
	}
	return total
}

// ReadAt implements io.ReaderAt.
func (p pieces) ReadAt(b []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	for _, one := range p {
		if off >= one.size {
			off -= one.size
			continue
		}
		m, err := one.r.ReadAt(b[n:min(int64(n)+one.size-off, int64(len(b)))], off)
		n += m
		switch {
		case n == len(b):
			return n, nil
		case err != nil && err != io.EOF:
			return n, err
		}
		off = 0
	}
	return n, io.EOF
}
