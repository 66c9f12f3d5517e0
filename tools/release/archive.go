package main

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// An entry is a file of an archive.
type entry struct {
	content []byte
	program bool // may be executed
}

// shippedPaths lists what archives take from the clone: files, and folders with all below them.
var shippedPaths = []string{"README.md", "LICENSE", "CONTRIBUTING.md", "docs", "configs",
	"data/testdata/retinamnist", "data/testdata/kermany_oct_mini"}

// shipped returns the files of the clone that go into an archive, by their path in it. Go files stay out.
func shipped(clone string) (map[string]entry, error) {
	files := map[string]entry{}
	for _, top := range shippedPaths {
		err := filepath.WalkDir(filepath.Join(clone, top), func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(file, ".go") || strings.HasPrefix(d.Name(), ".") {
				return err
			}
			if !d.Type().IsRegular() {
				return fmt.Errorf("%s is no regular file", file)
			}
			name, err := filepath.Rel(clone, file)
			if err != nil {
				return err
			}
			content, err := os.ReadFile(file)
			files[filepath.ToSlash(name)] = entry{content: content}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// writeArchive writes files, sorted, into a .tar.gz, in a folder of the given name. Its bytes depend on nothing else
// but the time.
func writeArchive(path, folder string, files map[string]entry, at time.Time) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	packed, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	w := tar.NewWriter(packed)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		e := files[name]
		header := &tar.Header{Typeflag: tar.TypeReg, Name: folder + "/" + name, Size: int64(len(e.content)), Mode: 0o644,
			ModTime: at, Format: tar.FormatPAX}
		if e.program {
			header.Mode = 0o755
		}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if _, err := w.Write(e.content); err != nil {
			return err
		}
	}
	return cmp.Or(errors.Join(w.Close(), packed.Close()), f.Close())
}

// fileSum returns a file's SHA-256 in hexadecimal.
func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
