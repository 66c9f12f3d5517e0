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

// A candidate is a file that may be the library.
type candidate struct {
	path   string
	origin string
}

// locate returns the library to use: the one that Source or the environment names, else the first usable one that
// search finds, else a fetched one.
func locate(ctx context.Context, s Source) (candidate, error) {
	if named, origin := s.named(); named != "" {
		path, err := namedFile(named)
		if err == nil && inCacheFolder(path) {
			err = checkCached(path)
		}
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
	if err == nil {
		err = checkCached(path)
	}
	if err != nil {
		return candidate{}, errors.Join(append([]error{err}, unusable...)...)
	}
	return candidate{path, "fetched into the cache"}, nil
}

// search returns the first usable library of the places where one may already be, cheapest place first. If there is
// none it returns why each library that it found cannot be used.
func search(ctx context.Context) (*candidate, []error) {
	var unusable []error
	for _, place := range []func(context.Context) []candidate{besideProgram, inCache, inPython, inSystem} {
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

// libraryName returns the library's file name on this system, without a version.
func libraryName() string { return libraryNameOn(thisSystem) }

func libraryNameOn(system string) string {
	switch goos, _, _ := strings.Cut(system, "/"); goos {
	case "windows":
		return "onnxruntime.dll"
	case "darwin":
		return "libonnxruntime.dylib"
	}
	return "libonnxruntime.so"
}

// isLibraryName reports whether a file has the library's name, with or without a version: libonnxruntime.so.1.27.0,
// libonnxruntime.1.27.0.dylib.
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

// librariesIn returns the paths of the libraries in folders, by name in each. Folders that cannot be read have none.
func librariesIn(folders ...string) []string {
	var found []string
	for _, folder := range folders {
		entries, _ := os.ReadDir(folder)
		for _, e := range entries {
			if isLibraryName(e.Name()) && !e.IsDir() {
				found = append(found, filepath.Join(folder, e.Name()))
			}
		}
	}
	return found
}

// librariesBelow returns the libraries of an unpacked release or Python package: in its folder, or in capi or lib.
func librariesBelow(dir string) []string {
	return librariesIn(dir, filepath.Join(dir, "capi"), filepath.Join(dir, "lib"))
}

// inPython returns the libraries of the Python package onnxruntime.
func inPython(ctx context.Context) []candidate {
	var found []candidate
	for _, dir := range pythonPackage(ctx, "onnxruntime") {
		for _, path := range librariesBelow(dir) {
			found = append(found, candidate{path, "the Python package onnxruntime"})
		}
	}
	return found
}

// pythonCommand returns a call of Python that takes no code from the working directory or from Python's environment
// variables.
func pythonCommand(ctx context.Context, python string, arguments ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, python, append([]string{"-I", "-X", "utf8"}, arguments...)...)
	c.Dir = filepath.VolumeName(python) + string(filepath.Separator)
	return c
}

// pythonPackage returns the folders of a Python package. It asks Python for them without importing the package.
func pythonPackage(ctx context.Context, name string) []string {
	// Isolated Python leaves out the packages that the user installed for himself.
	script := "import sys, site, importlib.util as u; sys.path.append(site.getusersitepackages())\n" +
		"s = u.find_spec('" + name + "')\n" +
		"for p in (s.submodule_search_locations if s else ()): print(p)"
	var found []string
	for _, python := range pythons() {
		out, err := runCommand(pythonCommand(ctx, python, "-c", script))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(out)) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// pythons returns the paths of this machine's Python commands.
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

// inSystem returns the libraries in the folders of the dynamic linker.
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
	// A relative folder would be one of the working directory.
	dirs = slices.DeleteFunc(dirs, func(dir string) bool { return !filepath.IsAbs(dir) })
	var found []candidate
	for _, path := range librariesIn(dirs...) {
		if !slices.ContainsFunc(found, func(c candidate) bool { return sameFile(c.path, path) }) {
			found = append(found, candidate{path, "the system's libraries"})
		}
	}
	return found
}

// linkerFolders returns the folders in which ldconfig knows a library whose name begins with prefix.
func linkerFolders(ctx context.Context, prefix string) []string {
	out, err := runCommand(exec.CommandContext(ctx, "ldconfig", "-p"))
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
