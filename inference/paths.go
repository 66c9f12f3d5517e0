package inference

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"fovea/data"
	"fovea/data/store"
	"fovea/data/tars"
	"fovea/internal/textfile"
)

// Paths lists the image files that operands of a command line name. An operand is a file, a folder with images at any
// depth, a tar archive with images, a pattern of [filepath.Match] if there is no such file, or "-" for paths in the lines
// of in. The order is that of the operands. An operand that names nothing is an error; a missing file of "-" is reported with its image.
func Paths(operands []string, in io.Reader) ([]string, error) {
	var paths []string
	var failed []error
	for _, operand := range operands {
		found, err := pathsOf(operand, in)
		if err != nil {
			failed = append(failed, err)
		}
		paths = append(paths, found...)
	}
	return paths, errors.Join(failed...)
}

func pathsOf(operand string, in io.Reader) ([]string, error) {
	if operand == "-" {
		return readLines(in)
	}
	operand, err := store.Locate(operand)
	if err != nil {
		return nil, err
	}
	_, there := store.Stat(operand)
	if there == nil {
		return below(operand)
	}
	if errors.Is(there, store.ErrFailed) {
		return nil, there
	}
	matches, err := store.Glob(operand)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", operand, err)
	}
	if _, _, inside := tars.Split(operand); inside && matches == nil {
		return []string{operand}, nil
	}
	if matches == nil && errors.Is(there, fs.ErrPermission) {
		return nil, there
	}
	if matches == nil {
		return nil, fmt.Errorf("no file, folder or pattern matches %q: check the path", operand)
	}
	var paths []string
	for _, m := range matches {
		found, err := below(m)
		if err != nil {
			return nil, err
		}
		paths = append(paths, found...)
	}
	return paths, nil
}

// below returns the path of a file, or the images below a folder.
func below(path string) ([]string, error) {
	info, err := store.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() && !tars.IsArchive(path) {
		return []string{path}, nil
	}
	paths, err := data.Images(path)
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("no image below %s: images end in %s; tar archives are named themselves, as in %s", path,
			strings.Join(data.Extensions, " "), store.Join(path, "*.tar"))
	}
	return paths, err
}

// maxPaths limits the memory of a list of paths, in bytes. It is enough for five million.
const maxPaths = 512 << 20

func readLines(in io.Reader) ([]string, error) {
	paths, err := textfile.Lines(in, maxPaths)
	if err != nil {
		return nil, fmt.Errorf("reading paths: %w", err)
	}
	out := paths[:0:0]
	for _, path := range paths {
		path, err := store.Locate(path)
		if err != nil {
			return nil, err
		}
		if !tars.IsArchive(path) {
			out = append(out, path)
			continue
		}
		images, err := data.TarImages(path)
		if err != nil {
			return nil, err
		}
		out = append(out, images...)
	}
	return out, nil
}
