package install

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"fovea/internal/progress"
	"fovea/onnx/cuda"
)

// GPUOptions say which libraries [GPU] puts into the cache.
type GPUOptions struct {
	// CUDA is the major version of CUDA, 12 or 13. With 0 it is the newest that the driver offers and that has code for
	// the GPU; without a driver it is the newest.
	CUDA int
	// CuDNN asks for cuDNN too, which models with convolutions need. For CUDA 12 it always comes, because ONNX Runtime
	// cannot be loaded without it.
	CuDNN bool
	// Begin, if not nil, is called with the plan before anything is fetched.
	Begin func(GPUPlan)
	// Progress receives the progress of the download. It may be nil.
	Progress progress.Func
}

// A GPUPlan tells what [GPU] is about to do.
type GPUPlan struct {
	Version  string        // of ONNX Runtime
	CUDA     int           // major version
	Fetch    []string      // pip packages: "nvidia-cublas==13.10.0.20"
	Download int64         // bytes of these packages
	Disk     int64         // bytes of their libraries in the cache
	Present  []CUDALibrary // NVIDIA's libraries outside the cache, which are not fetched
}

// GPU puts ONNX Runtime for NVIDIA GPUs into the cache and returns its path. It adds NVIDIA's libraries that the
// runtime needs and that neither Python nor the system has. pip fetches them; nothing is installed into Python.
//
// An installation that was interrupted goes on with the packages that it had not finished. The runtime is stored last,
// so a runtime in the cache has everything that it needs.
func GPU(ctx context.Context, o GPUOptions) (path string, err error) {
	release, err := chooseRelease(o.CUDA)
	if err == nil {
		path, err = release.install(ctx, o)
	}
	if err != nil {
		return "", fmt.Errorf("installing ONNX Runtime for GPUs: %w", err)
	}
	return path, nil
}

// chooseRelease returns the release for a version of CUDA, or for 0 the release that suits this machine.
func chooseRelease(version int) (*gpuRelease, error) {
	var offered []*gpuRelease
	var versions []string
	for i, r := range gpuReleases {
		if r.System == thisSystem {
			offered = append(offered, &gpuReleases[i])
			versions = append(versions, fmt.Sprint(r.CUDA))
		}
	}
	if offered == nil {
		return nil, fmt.Errorf("there is none to fetch for %s, only for linux/amd64 and linux/arm64", thisSystem)
	}
	if version != 0 {
		if r := releaseFor(version); r != nil {
			return r, nil
		}
		return nil, fmt.Errorf("for %s there is none for CUDA %d, only for CUDA %s",
			thisSystem, version, strings.Join(versions, " and "))
	}
	devices, err := cuda.Devices()
	if err != nil {
		slog.Warn(fmt.Sprintf("no GPU can be asked which CUDA it takes: it is CUDA %d; -cuda chooses another",
			offered[0].CUDA), "reason", err)
		return offered[0], nil
	}
	gpu := devices[0]
	for _, r := range offered {
		if r.CUDA <= gpu.Driver/1000 && r.runsOn(gpu.Major, gpu.Minor) {
			return r, nil
		}
	}
	return nil, fmt.Errorf("there is one for CUDA %s, but none of them runs on %s (compute capability %d.%d) "+
		"with a driver that offers CUDA %s: update the driver, or choose with -cuda",
		strings.Join(versions, " and "), gpu.Name, gpu.Major, gpu.Minor, cudaVersion(gpu.Driver))
}

func (r *gpuRelease) install(ctx context.Context, o GPUOptions) (string, error) {
	unlock, err := lockCache(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	// The temporary folder is in the cache, because the system's folder for temporary files may be too small. Folders
	// that a killed installation left there are in the way.
	leftovers, _ := filepath.Glob(filepath.Join(quotePattern(cache), "fetch-*"))
	for _, folder := range leftovers {
		os.RemoveAll(folder)
	}
	temporary, err := os.MkdirTemp(cache, "fetch-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temporary)

	wanted := slices.Clone(r.Libraries)
	if o.CuDNN {
		wanted = append(wanted, r.Convolutions...)
	}
	wanted = append(wanted, r.Runtime)
	plan := GPUPlan{Version: r.Runtime.Version, CUDA: r.CUDA}
	var fetch, inCache []wheelPackage // packages to fetch, and all that will be in the cache
	elsewhere := placesOutside(cache, places(ctx, "", r.CUDA))
	for _, p := range wanted {
		folder := filepath.Join(cache, r.folder(p))
		if p.storedIn(folder) {
			inCache = append(inCache, p)
			continue
		}
		if found := p.foundIn(r.CUDA, elsewhere); found != nil {
			plan.Present = append(plan.Present, found...)
			continue
		}
		fetch, inCache = append(fetch, p), append(inCache, p)
		plan.Fetch = append(plan.Fetch, p.requirement())
		plan.Download += p.Bytes
		plan.Disk += p.stored()
	}
	if o.Begin != nil {
		o.Begin(plan)
	}
	report, done := o.Progress.Bytes("fetch ONNX Runtime for CUDA"), int64(0)
	for _, p := range fetch {
		progress := func(part, _ int64) { report(done+part, plan.Download) }
		if err := p.fetch(ctx, temporary, filepath.Join(cache, r.folder(p)), progress); err != nil {
			if ctx.Err() != nil {
				return "", context.Cause(ctx)
			}
			return "", errors.Join(err,
				errors.New("what was fetched before stays: the same command goes on. Without a network, run"),
				fmt.Errorf("  python3 -m pip download --no-deps --only-binary=:all: --python-version %s --dest DIR %s",
					wheelPython, strings.Join(plan.Fetch, " ")),
				errors.New("on a machine of this kind that has one, then here with PIP_NO_INDEX=1 PIP_FIND_LINKS=DIR"))
		}
		done += p.Bytes
	}
	// The runtime's own sum is written last, and again each time: Load takes the library whose sum is newest.
	for _, p := range inCache {
		if err := checkOwners(cache, filepath.Join(cache, r.folder(p))); err != nil {
			return "", err
		}
		for _, f := range p.Files {
			if err := writeSum(filepath.Join(cache, r.folder(p), f.cachedName()), f.Sum); err != nil {
				return "", err
			}
		}
	}
	return filepath.Join(cache, r.folder(r.Runtime), libraryName()), nil
}

// folder returns the folder of a package's libraries, relative to the cache.
func (r *gpuRelease) folder(p wheelPackage) string {
	name := cudaFolder(r.CUDA)
	if p.Name == r.Runtime.Name {
		name = p.Version + "-" + name
	}
	return filepath.Join(name, systemFolder)
}

// cachedName returns a library's file name in the cache.
func (f wheelFile) cachedName() string {
	if isLibraryName(f.Name) {
		return libraryName()
	}
	return f.Name
}

// placesOutside leaves out the places inside a folder.
func placesOutside(folder string, places iter.Seq[place]) iter.Seq[place] {
	return func(yield func(place) bool) {
		for p := range places {
			if !strings.HasPrefix(p.folder, folder+string(filepath.Separator)) && !yield(p) {
				return
			}
		}
	}
}

// storedIn reports whether a folder has all of a package's libraries, undamaged.
func (p wheelPackage) storedIn(folder string) bool {
	return !slices.ContainsFunc(p.Files, func(f wheelFile) bool {
		sum, err := fileSum(filepath.Join(folder, f.cachedName()))
		return err != nil || sum != f.Sum
	})
}

// foundIn returns the libraries of one of NVIDIA's packages as they are found elsewhere, or nil if no place has them
// all. Other packages are not looked for.
func (p wheelPackage) foundIn(version int, places iter.Seq[place]) []CUDALibrary {
	var list []CUDALibrary
	for _, f := range p.Files {
		stem, _ := splitName(f.Name)
		if slices.ContainsFunc(nvidiaLibraries, func(l nvidiaLibrary) bool { return l.stem == stem }) {
			list = append(list, CUDALibrary{Name: f.Name, Package: p.Name})
		}
	}
	if len(list) == 0 {
		return nil
	}
	if list = findLibraries(list, version, places); list[0].Path == "" {
		return nil
	}
	return list
}

// fetch lets pip fetch a package and stores its libraries.
func (p wheelPackage) fetch(ctx context.Context, temporary, folder string, progress bytesDone) error {
	found := pythons()
	if len(found) == 0 {
		return fmt.Errorf("pip download %s: no python3 found in $PATH", p.requirement())
	}
	dir, err := os.MkdirTemp(temporary, "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stop := watch(func() int64 { return folderBytes(dir) }, p.Bytes, progress)
	wheel, err := pipDownload(ctx, found[0], p.requirement(), dir, "--python-version", wheelPython)
	stop()
	if err != nil {
		return err
	}
	if err := p.unpack(wheel, dir, folder); err != nil {
		return fmt.Errorf("%s: %w", p.requirement(), err)
	}
	return nil
}

// unpack takes the libraries out of a wheel and compares their SHA-256 with the known ones. Only then it stores them.
func (p wheelPackage) unpack(wheel, temporary, folder string) error {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(wheel), err)
	}
	defer archive.Close()
	for _, f := range p.Files {
		i := slices.IndexFunc(archive.File, func(m *zip.File) bool {
			return path.Base(m.Name) == f.Name && m.Mode().IsRegular()
		})
		if i < 0 {
			return fmt.Errorf("%s holds no %s", filepath.Base(wheel), f.Name)
		}
		sum, err := extract(archive.File[i], filepath.Join(temporary, f.cachedName()))
		if err != nil {
			return fmt.Errorf("unpacking %s of %s: %w", f.Name, filepath.Base(wheel), err)
		}
		if sum != f.Sum {
			return fmt.Errorf("%s in %s has the SHA-256 %s, but %s is expected: damaged or changed, not used",
				f.Name, filepath.Base(wheel), sum, f.Sum)
		}
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, f := range p.Files {
		name := f.cachedName()
		if err := os.Rename(filepath.Join(temporary, name), filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	return nil
}

// extract writes a file of an archive to the disk and returns its SHA-256.
func extract(member *zip.File, target string) (sum string, err error) {
	r, err := member.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	err = writeFile(target, io.TeeReader(r, h))
	return hex.EncodeToString(h.Sum(nil)), err
}
