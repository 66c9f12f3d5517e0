package install

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"fovea/internal/sharedlib"
	"fovea/internal/signals"
)

// A CUDALibrary is one of NVIDIA's libraries with which the CUDA provider computes.
type CUDALibrary struct {
	Name       string // "libcublas.so.13"
	Package    string // the pip package that has it, "nvidia-cublas"
	Required   bool   // the provider cannot be loaded without it
	Path       string // empty: not found
	Origin     string // how it was found
	Unsuitable string // if not found, the path of a library with that name or stem that cannot be used, or empty
}

type nvidiaLibrary struct{ stem, pip string }

// nvidiaLibraries lists the libraries that a provider may need, with their pip packages. Each stands behind the ones
// that it needs itself. Libraries of one package must have one version, so they come from one folder.
var nvidiaLibraries = []nvidiaLibrary{
	{"libcudart", "nvidia-cuda-runtime"},
	{"libnvJitLink", "nvidia-nvjitlink"},
	{"libnvrtc", "nvidia-cuda-nvrtc"},
	{"libcublasLt", "nvidia-cublas"},
	{"libcublas", "nvidia-cublas"},
	{"libcurand", "nvidia-curand"},
	{"libcufft", "nvidia-cufft"},
	{"libcudnn", "nvidia-cudnn"},
}

// optionalLibraries lists the libraries that are opened on demand, by CUDA's major version.
var optionalLibraries = map[int][]string{
	12: {"libnvJitLink.so.12", "libnvrtc.so.12", "libcufft.so.11", "libcudnn.so.9"},
	13: {"libnvJitLink.so.13", "libnvrtc.so.13", "libcufft.so.12", "libcudnn.so.9"},
}

// pipName returns the name of a package's edition for a CUDA version.
func pipName(name string, version int) string {
	if version <= 12 || name == "nvidia-cudnn" {
		return fmt.Sprintf("%s-cu%d", name, version)
	}
	return name
}

// libraryList returns NVIDIA's libraries for a provider, in the order in which they are opened.
func (r requirements) libraryList() []CUDALibrary {
	var list []CUDALibrary
	for _, known := range nvidiaLibraries {
		is := func(name string) bool { stem, _ := splitName(name); return stem == known.stem }
		l := CUDALibrary{Package: pipName(known.pip, r.cuda)}
		if i := slices.IndexFunc(r.libraries, is); i >= 0 {
			l.Name, l.Required = r.libraries[i], true
		} else if i := slices.IndexFunc(optionalLibraries[r.cuda], is); i >= 0 {
			l.Name = optionalLibraries[r.cuda][i]
		} else {
			continue
		}
		list = append(list, l)
	}
	return list
}

// findLibraries looks in the places for the libraries, for one version of CUDA, and returns the list with their paths.
func findLibraries(list []CUDALibrary, version int, places iter.Seq[place]) []CUDALibrary {
	list = slices.Clone(list)
	for i := 0; i < len(list); {
		end := i + 1
		for end < len(list) && list[end].Package == list[i].Package {
			end++
		}
		findPackage(list[i:end], version, places)
		i = end
	}
	return list
}

func findPackage(list []CUDALibrary, version int, places iter.Seq[place]) {
	for p := range places {
		missing := slices.ContainsFunc(list, func(l CUDALibrary) bool {
			linked, err := linkedAgainst(filepath.Join(p.folder, l.Name))
			// Some libraries have one name for several versions of CUDA.
			other := cudaOf(linked)
			return err != nil || other != 0 && other != version
		})
		if missing {
			continue
		}
		for i := range list {
			list[i].Path, list[i].Origin = filepath.Join(p.folder, list[i].Name), p.origin
		}
		return
	}
	for i := range list {
		stem, _ := splitName(list[i].Name)
		for p := range places {
			others, _ := filepath.Glob(filepath.Join(quotePattern(p.folder), stem+".so.[0-9]*"))
			if len(others) > 0 {
				list[i].Unsuitable = others[0]
				break
			}
		}
	}
}

// quotePattern returns a pattern that matches a path alone.
func quotePattern(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// A place is a folder in which NVIDIA's libraries may lie.
type place struct{ folder, origin string }

// places yields the folders that a user names, then the others, cheapest first. The library, if not "", is the one that
// will use NVIDIA's. Python is asked only when its turn comes.
func places(ctx context.Context, library string, version int) iter.Seq[place] {
	python := sync.OnceValue(func() []place { return inPythonPackages(ctx) })
	system := sync.OnceValue(func() []place { return inCUDAFolders(ctx, version) })
	return func(yield func(place) bool) {
		all := func(list []place) bool {
			return !slices.ContainsFunc(list, func(p place) bool { return !yield(p) })
		}
		_ = all(inLoaderPath()) && all(inCUDACache(version)) && all(besideLibrary(library)) &&
			all(python()) && all(system())
	}
}

func inLoaderPath() []place {
	var found []place
	for _, dir := range filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")) {
		if filepath.IsAbs(dir) {
			found = append(found, place{dir, "LD_LIBRARY_PATH"})
		}
	}
	return found
}

// inCUDACache returns the folder that GPU fills.
func inCUDACache(version int) []place {
	dir, err := cacheFolder()
	if err != nil {
		return nil
	}
	return []place{{filepath.Join(dir, cudaFolder(version), systemFolder), "the cache"}}
}

// besideLibrary returns the library's own folder and, if that is a Python package, the folders of NVIDIA's packages
// beside it.
func besideLibrary(library string) []place {
	if library == "" {
		return nil
	}
	dir := filepath.Dir(providerOf(library))
	found := []place{{dir, "the library's folder"}}
	if filepath.Base(dir) == "capi" {
		found = append(found, packagesIn(filepath.Join(dir, "..", "..", "nvidia"))...)
	}
	return found
}

// packagesIn returns the libraries' folders of the Python namespace package nvidia.
func packagesIn(dir string) []place {
	var found []place
	folders, _ := filepath.Glob(filepath.Join(quotePattern(dir), "*", "lib"))
	for _, folder := range folders {
		found = append(found, place{folder, "the Python packages of NVIDIA"})
	}
	return found
}

func inPythonPackages(ctx context.Context) []place {
	var found []place
	for _, dir := range pythonPackage(ctx, "nvidia") {
		found = append(found, packagesIn(dir)...)
	}
	return found
}

// inCUDAFolders returns the folders in which CUDA's installers and the system's packages put libraries.
func inCUDAFolders(ctx context.Context, version int) []place {
	dirs := []string{"/usr/local/cuda/lib64"}
	versions, _ := filepath.Glob(fmt.Sprintf("/usr/local/cuda-%d*/lib64", version))
	slices.Reverse(versions)
	dirs = append(dirs, versions...)
	dirs = append(dirs, linkerFolders(ctx, "libcu")...)
	dirs = append(dirs, "/usr/local/lib", "/usr/lib64", "/usr/lib")
	var found []place
	for _, dir := range dirs {
		found = append(found, place{dir, "the system's libraries"})
	}
	return found
}

// missing returns a message that the library was not found.
func (l CUDALibrary) missing() string {
	text := fmt.Sprintf("%s is missing (pip package %s)", l.Name, l.Package)
	switch {
	case l.Unsuitable == "":
	case filepath.Base(l.Unsuitable) == l.Name:
		text += fmt.Sprintf("; %s is for another version of CUDA, or the rest of the package is not beside it",
			l.Unsuitable)
	default:
		text += fmt.Sprintf("; %s is for another version of CUDA", l.Unsuitable)
	}
	return text
}

// missingLibraries returns an error that names the required libraries that were not found, or nil if all were.
func missingLibraries(list []CUDALibrary, version int) error {
	var missing []error
	for _, l := range list {
		if l.Path == "" && l.Required {
			missing = append(missing, errors.New("  "+l.missing()))
		}
	}
	if missing == nil {
		return nil
	}
	return problem(fmt.Errorf("NVIDIA's libraries for CUDA %d are missing:\n%w", version, errors.Join(missing...)),
		installGPUCommand(version))
}

var opening struct {
	sync.Mutex
	done map[string]bool // by the provider's path
}

// openNVIDIA opens NVIDIA's libraries that a library's CUDA provider needs. When the loader opens the provider later,
// it knows them, in whatever folder they lie.
func openNVIDIA(ctx context.Context, library string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	provider := providerOf(library)
	opening.Lock()
	defer opening.Unlock()
	if opening.done[provider] {
		return nil
	}
	r, err := requirementsOf(provider)
	if err != nil {
		return problem(err, installGPUCommand(0))
	}
	found := findLibraries(r.libraryList(), r.cuda, places(ctx, library, r.cuda))
	if err := missingLibraries(found, r.cuda); err != nil {
		return err
	}
	if err := checkCachedGPU(provider, found); err != nil {
		return problem(err, installGPUCommand(r.cuda))
	}
	var failed []error
	signals.Keep(func() error {
		for _, l := range found {
			if l.Path == "" {
				continue
			}
			if err := sharedlib.OpenGlobal(l.Path); err != nil && l.Required {
				failed = append(failed, fmt.Errorf("%s (%s) cannot be loaded: %w", l.Path, l.Origin, err))
			}
		}
		return nil
	})
	if failed != nil {
		return problem(errors.Join(failed...), installGPUCommand(r.cuda))
	}
	if opening.done == nil {
		opening.done = map[string]bool{}
	}
	opening.done[provider] = true
	return nil
}
