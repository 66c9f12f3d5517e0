package install

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// candidate is a file that may be the library.
type candidate struct {
	path   string
	origin string
}

// locate returns the library to use: the named one, else the first usable one of the search, else a fetched one.
func locate(ctx context.Context, s Source) (candidate, error) {
	if named, origin := s.named(); named != "" {
		path, err := namedFile(named)
		if err == nil {
			_, err = probe(path)
		}
		if err != nil {
			return candidate{}, fmt.Errorf("%s: %w", origin, err)
		}
		return candidate{path, origin}, nil
	}
	gpu, err := locateGPU(ctx, s)
	if err != nil {
		return candidate{}, err
	}
	if gpu != nil {
		return *gpu, nil
	}
	found, unusable := search(ctx)
	if found != nil {
		return *found, nil
	}
	path, err := CPU(ctx, Options{Progress: s.Progress})
	if err != nil {
		return candidate{}, errors.Join(append([]error{err}, unusable...)...)
	}
	return candidate{path, "fetched into the cache"}, nil
}

// search looks through the places where the library may already be, cheapest first. It returns the first usable one, or
// why each that it found is not.
func search(ctx context.Context) (*candidate, []error) {
	var unusable []error
	for _, place := range []func(context.Context) []candidate{inCache, inPython, inSystem} {
		for _, c := range place(ctx) {
			_, err := probe(c.path)
			if err == nil {
				return &c, nil
			}
			slog.Debug("ONNX Runtime library passed over", "path", c.path, "found in", c.origin, "reason", err)
			unusable = append(unusable, fmt.Errorf("found in %s but not usable: %w", c.origin, err))
		}
	}
	return nil, unusable
}

// libraryName is the library's file name as a linker wants it.
func libraryName() string {
	switch runtime.GOOS {
	case "windows":
		return "onnxruntime.dll"
	case "darwin":
		return "libonnxruntime.dylib"
	}
	return "libonnxruntime.so"
}

// isLibraryName matches the name with and without a version: libonnxruntime.so.1.27.0, libonnxruntime.1.27.0.dylib.
func isLibraryName(name string) bool {
	switch runtime.GOOS {
	case "windows":
		return strings.EqualFold(name, "onnxruntime.dll")
	case "darwin":
		return name == "libonnxruntime.dylib" ||
			strings.HasPrefix(name, "libonnxruntime.") && strings.HasSuffix(name, ".dylib")
	}
	return name == "libonnxruntime.so" || strings.HasPrefix(name, "libonnxruntime.so.")
}

// librariesIn lists the libraries of a folder, and of capi and lib in it, by name.
func librariesIn(dir string) []string {
	var found []string
	for _, sub := range []string{".", "capi", "lib"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			continue
		}
		for _, e := range entries {
			if isLibraryName(e.Name()) && !e.IsDir() {
				found = append(found, filepath.Join(dir, sub, e.Name()))
			}
		}
	}
	return found
}

// inPython lists the libraries of the Python package onnxruntime.
func inPython(ctx context.Context) []candidate {
	var found []candidate
	for _, dir := range pythonPackage(ctx, "onnxruntime") {
		for _, path := range librariesIn(dir) {
			found = append(found, candidate{path, "the Python package onnxruntime"})
		}
	}
	return found
}

// pythonPackage asks Python where a package is, without importing it.
func pythonPackage(ctx context.Context, name string) []string {
	script := "import importlib.util as u; s = u.find_spec('" + name + "')\n" +
		"for p in (s.submodule_search_locations if s else ()): print(p)"
	var found []string
	for _, python := range pythons() {
		out, err := output(exec.CommandContext(ctx, python, "-c", script))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(out)) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// pythons lists the Python commands of this machine.
func pythons() []string {
	var found []string
	for _, name := range []string{"python3", "python"} {
		path, err := exec.LookPath(name)
		if err != nil || slices.ContainsFunc(found, func(p string) bool { return sameFile(p, path) }) {
			continue
		}
		found = append(found, path)
	}
	return found
}

// inSystem looks where the dynamic linker does.
func inSystem(ctx context.Context) []candidate {
	var dirs []string
	switch runtime.GOOS {
	case "windows":
		dirs = filepath.SplitList(os.Getenv("PATH"))
	case "darwin":
		dirs = append(filepath.SplitList(os.Getenv("DYLD_LIBRARY_PATH")), "/opt/homebrew/lib", "/usr/local/lib")
	default:
		dirs = append(filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")), linkerFolders(ctx, "libonnxruntime.so")...)
		dirs = append(dirs, "/usr/local/lib", "/usr/lib", "/usr/lib64", "/opt/onnxruntime/lib")
	}
	var found []candidate
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if dir == "" || err != nil {
			continue
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			known := slices.ContainsFunc(found, func(c candidate) bool { return sameFile(c.path, path) })
			if isLibraryName(e.Name()) && !known {
				found = append(found, candidate{path, "the system's libraries"})
			}
		}
	}
	return found
}

// linkerFolders returns the folders in which ldconfig knows a library whose name begins so.
func linkerFolders(ctx context.Context, prefix string) []string {
	out, err := output(exec.CommandContext(ctx, "ldconfig", "-p"))
	if err != nil {
		return nil // no ldconfig for this user or system: the usual folders follow
	}
	var dirs []string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		// "       libonnxruntime.so.1 (libc6,x86-64) => /usr/lib/x86_64-linux-gnu/libonnxruntime.so.1"
		name, path, found := strings.Cut(strings.TrimSpace(lines.Text()), " => ")
		if dir := filepath.Dir(path); found && strings.HasPrefix(name, prefix) && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
