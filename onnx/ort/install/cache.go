package install

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"fovea/internal/durable"
	"fovea/internal/lock"
	"fovea/internal/regular"
)

// cacheFolder returns the folder of fetched libraries. VERSION/SYSTEM-MACHINE/ in it has a library and its SHA-256
// beside it, whose time tells when the library was stored. Libraries for GPUs are in VERSION-cudaN, NVIDIA's libraries
// for them in cudaN.
func cacheFolder() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder to keep ONNX Runtime in: %w", err)
	}
	return filepath.Join(dir, "fovea", "onnxruntime"), nil
}

// systemFolder is the part of the cache's paths that names system and machine.
const systemFolder = runtime.GOOS + "-" + runtime.GOARCH

// cudaFolder returns the part of the cache's paths for NVIDIA's libraries.
func cudaFolder(version int) string { return fmt.Sprintf("cuda%d", version) }

// inCache returns the cached libraries for the CPU that may be loaded, the one stored last first.
func inCache(context.Context) []candidate { return cached(false) }

// inGPUCache returns the cached builds for GPUs, likewise.
func inGPUCache(context.Context) []candidate { return cached(true) }

func cached(gpu bool) []candidate {
	dir, err := cacheFolder()
	if err != nil {
		return nil
	}
	// The folder's own name is no pattern.
	names, err := fs.Glob(os.DirFS(dir), "*/"+systemFolder+"/"+libraryName())
	if err != nil {
		return nil
	}
	type entry struct {
		path   string
		stored time.Time
	}
	var entries []entry
	for _, name := range names {
		if version, _, _ := strings.Cut(name, "/"); strings.Contains(version, "-cuda") != gpu {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if info, err := os.Stat(path + sumSuffix); err == nil {
			entries = append(entries, entry{path, info.ModTime()})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(b.stored.Compare(a.stored), cmp.Compare(b.path, a.path))
	})
	var found []candidate
	for _, e := range entries {
		if err := checkCached(e.path); err != nil {
			slog.Warn("a library in the cache is not used", "reason", err)
			continue
		}
		found = append(found, candidate{e.path, "the cache"})
	}
	return found
}

const sumSuffix = ".sha256"

// store copies a library into the cache and returns its path there. The caller holds the cache's lock.
func store(library, version string) (string, error) {
	dir, err := cacheFolder()
	if err != nil {
		return "", err
	}
	sum, err := fileSum(library)
	if err != nil {
		return "", err
	}
	top := dir
	dir = filepath.Join(dir, version, systemFolder)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := checkOwners(top, dir); err != nil {
		return "", err
	}
	path := filepath.Join(dir, libraryName())
	// Another process may run the library that is there: the same content stays.
	if got, err := fileSum(path); err != nil || got != sum {
		err := durable.Write(path, func(w io.Writer) error {
			f, err := regular.Open(library)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(w, f)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return path, writeSum(path, sum)
}

// writeSum writes the SHA-256 of a library in the cache beside it.
func writeSum(path, sum string) error {
	return durable.Write(path+sumSuffix, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, sum)
		return err
	})
}

// fileSum returns a file's SHA-256 in hexadecimal.
func fileSum(path string) (string, error) {
	f, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("reading %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// sumOf returns the SHA-256 of a file's content in hexadecimal.
func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// lockCache keeps other processes from filling the cache until unlock is called. It waits until ctx ends.
func lockCache(ctx context.Context) (unlock func(), err error) {
	dir, err := cacheFolder()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := checkOwners(dir, dir); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		locked, err := lock.Try(f)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
		}
		if locked {
			return func() { f.Close() }, nil
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("waiting for another process to fill %s: %w", dir, context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}
