package install

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fovea/internal/durable"
	"fovea/internal/regular"
)

// checkCached returns an error unless a library in the cache may be loaded: nobody but this user and root can change it
// or its folders, and its SHA-256 is written in this package or was remembered when the user installed it himself. The
// sum beside the library does not count: who can change the one can change the other.
func checkCached(path string) error {
	dir, err := cacheFolder()
	if err != nil {
		return err
	}
	if err := checkOwners(dir, path); err != nil {
		return err
	}
	sum, err := fileSum(path)
	if err != nil {
		return err
	}
	if !pinned(sum) && !slices.Contains(rememberedSums(), sum) {
		return fmt.Errorf("%s has the SHA-256 %s, which is neither known nor that of a library that you installed: "+
			"damaged, changed or of another version of fovea; install it again: trainer runtime install", path, sum)
	}
	return nil
}

// checkCachedGPU checks the provider and NVIDIA's libraries that a GPU build is about to load, as far as they lie in
// the cache.
func checkCachedGPU(provider string, libraries []CUDALibrary) error {
	paths := []string{provider}
	shared := filepath.Join(filepath.Dir(provider), "libonnxruntime_providers_shared.so")
	if _, err := os.Stat(shared); err == nil {
		paths = append(paths, shared)
	}
	for _, l := range libraries {
		paths = append(paths, l.Path)
	}
	var failed []error
	for _, path := range paths {
		if inCacheFolder(path) {
			failed = append(failed, checkCached(path))
		}
	}
	return errors.Join(failed...)
}

// inCacheFolder reports whether an absolute path lies in the cache.
func inCacheFolder(path string) bool {
	dir, err := cacheFolder()
	return err == nil && strings.HasPrefix(path, dir+string(filepath.Separator))
}

// checkOwners checks a path and its parents up to the folder above top, which is Fovea's own.
func checkOwners(top, path string) error {
	for above := filepath.Dir(top); len(path) >= len(above); path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if err := checkOwner(info); err != nil {
			return fmt.Errorf("%s %w: another user could have put code there; remove it, or make it yours alone "+
				"(chown, chmod go-w)", path, err)
		}
	}
	return nil
}

// pinned reports whether a SHA-256 is written in this package.
func pinned(sum string) bool {
	if knownSum(sum) {
		return true
	}
	for _, r := range gpuReleases {
		for _, p := range slices.Concat(r.Libraries, r.Convolutions, []wheelPackage{r.Runtime}) {
			if slices.ContainsFunc(p.Files, func(f wheelFile) bool { return f.Sum == sum }) {
				return true
			}
		}
	}
	return false
}

// sumsFile returns the path of the list of libraries that the user installed from files of his own. It lies outside
// the cache, so that a changed cache cannot vouch for itself.
func sumsFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no folder to remember the library's SHA-256 in: %w", err)
	}
	return filepath.Join(dir, "fovea", "onnxruntime.sha256"), nil
}

// rememberedSums returns the sums of the libraries that the user installed from files of his own.
func rememberedSums() []string {
	path, err := sumsFile()
	if err != nil || checkOwners(path, path) != nil {
		return nil
	}
	text, err := regular.ReadFile(path, 1<<20)
	if err != nil {
		return nil
	}
	return strings.Fields(string(text))
}

// rememberSum adds the sum of a library that the user installs from a file of his own.
func rememberSum(sum string) error {
	path, err := sumsFile()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		if err := checkOwners(path, path); err != nil {
			return err
		}
	}
	sums := rememberedSums()
	if slices.Contains(sums, sum) {
		return nil
	}
	return durable.Write(path, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, strings.Join(append(sums, sum), "\n"))
		return err
	})
}
