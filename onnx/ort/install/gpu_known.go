package install

import (
	_ "embed"
	"slices"

	"github.com/pelletier/go-toml/v2"
)

// A gpuRelease is ONNX Runtime built for one version of CUDA, with NVIDIA's libraries for it. All come from pip
// packages.
type gpuRelease struct {
	System string // GOOS/GOARCH
	CUDA   int    // major version
	// Kernels are the compute capabilities (75 is 7.5) for which the provider carries machine code. It runs on any GPU
	// of the same major and no smaller minor version. Compiled, if not 0, is the capability for which the provider
	// carries code that the driver compiles for any newer GPU.
	Kernels  []int
	Compiled int

	Runtime      wheelPackage
	Libraries    []wheelPackage // each behind those that it needs
	Convolutions []wheelPackage // needed by models with convolutions only
}

// A wheelPackage is a pip package and the libraries that are taken out of its wheel.
type wheelPackage struct {
	Name, Version string
	Bytes         int64 // of the wheel
	Files         []wheelFile
}

// A wheelFile is a library in a wheel: its file name, size and SHA-256. The runtime's own is the last of its package.
type wheelFile struct {
	Name  string
	Bytes int64
	Sum   string
}

// gpuReleases lists the builds of gpu_known.toml, newest first. The provider differs between the wheels for different versions of Python;
// these are the wheels of [wheelPython]. The wheel for CUDA 12 is the last one for it. Its provider is linked against
// cuDNN and cuFFT; the provider for CUDA 13 opens them when a model asks for them. cuBLAS and cuDNN open NVRTC.
var gpuReleases = readReleases(gpuKnown)

//go:embed gpu_known.toml
var gpuKnown []byte

func readReleases(text []byte) []gpuRelease {
	var list struct{ Releases []gpuRelease }
	if err := toml.Unmarshal(text, &list); err != nil {
		panic("gpu_known.toml: " + err.Error())
	}
	return list.Releases
}

// wheelPython is the version of Python whose wheels pip is asked for. Their libraries run without any Python.
const wheelPython = "3.12"

// releaseFor returns the release for a version of CUDA on this system, or nil.
func releaseFor(version int) *gpuRelease {
	for i, r := range gpuReleases {
		if r.System == thisSystem && r.CUDA == version {
			return &gpuReleases[i]
		}
	}
	return nil
}

// runsOn reports whether the provider has code for a GPU.
func (r gpuRelease) runsOn(major, minor int) bool {
	return r.Compiled != 0 && 10*major+minor >= r.Compiled ||
		slices.ContainsFunc(r.Kernels, func(k int) bool { return k/10 == major && k%10 <= minor })
}

func (p wheelPackage) requirement() string { return p.Name + "==" + p.Version }

// stored returns the bytes of a package's libraries.
func (p wheelPackage) stored() (bytes int64) {
	for _, f := range p.Files {
		bytes += f.Bytes
	}
	return bytes
}
