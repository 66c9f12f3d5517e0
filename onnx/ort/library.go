package ort

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	yalue "github.com/yalue/onnxruntime_go"

	"fovea/internal/progress"
)

// Source says where the library comes from.
type Source struct {
	// Library is the path of the library or of a folder that holds it. Empty:
	// the environment variable FOVEA_ORT, then the search that the package's
	// documentation describes. A path that is named here or there and fails is
	// an error; nothing else is tried then.
	Library string
	// Provider is what runtime.provider of a config says. "cpu" or empty: any
	// library will do. "cuda": the search is for a GPU build, which InstallGPU
	// puts into the cache, or which Python or the system has; none is an error.
	// "auto": a GPU build if there is one and the driver shows a GPU.
	Provider string
	// Progress is told of a download; nil: nobody is.
	Progress progress.Func
}

// Library is the ONNX Runtime that this process uses.
type Library struct {
	Path      string
	Version   string   // "1.27.0"
	Providers []string // execution providers compiled in, such as "CPUExecutionProvider"
	Origin    string   // how it was found, such as "the cache"
}

// EnvLibrary is the environment variable that names the library's path.
const EnvLibrary = "FOVEA_ORT"

var (
	loading sync.Mutex
	loaded  *Library // guarded by loading; set once
)

var errNotLoaded = errors.New("ONNX Runtime is not loaded: call ort.Load first")

// Load finds or fetches ONNX Runtime and initialises it. It may be called again:
// for the same library, or none named, it returns the one in use. A process
// cannot change to another library.
func Load(ctx context.Context, s Source) (*Library, error) {
	loading.Lock()
	defer loading.Unlock()
	named, origin := s.named()
	if loaded != nil {
		if named == "" {
			return loaded, nil
		}
		path, err := namedFile(named)
		if err != nil {
			return nil, fmt.Errorf("loading ONNX Runtime (%s): %w", origin, err)
		}
		if sameFile(path, loaded.Path) {
			return loaded, nil
		}
		return nil, fmt.Errorf("loading ONNX Runtime: this process already uses %s (%s); "+
			"it cannot change to %s (%s)", loaded.Path, loaded.Origin, path, origin)
	}

	c, err := locate(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("loading ONNX Runtime: %w", err)
	}
	library, err := initialise(c)
	if err != nil {
		return nil, fmt.Errorf("loading ONNX Runtime (%s): %w", c.origin, err)
	}
	loaded = library
	return library, nil
}

// named returns the path that the caller or the environment names, and which.
func (s Source) named() (path, origin string) {
	if s.Library != "" {
		return s.Library, "the configured path"
	}
	return os.Getenv(EnvLibrary), "the environment variable " + EnvLibrary
}

// namedFile resolves a path that a user named: a library or a folder with one.
func namedFile(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return path, nil
	}
	found := librariesIn(path)
	if len(found) == 0 {
		return "", fmt.Errorf("the folder %s holds no ONNX Runtime library (%s)", path, libraryName())
	}
	return found[0], nil
}

func sameFile(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}

// probe looks whether a file is a library that this package can use, without
// initialising anything, and returns its version.
func probe(path string) (version string, err error) {
	if _, err := inspect(path); err != nil {
		return "", err
	}
	d, err := openDynamic(path)
	if err != nil {
		return "", fmt.Errorf("%s cannot be loaded: %w", path, err)
	}
	defer d.close()
	return versionOf(path, d)
}

func versionOf(path string, d dynamic) (string, error) {
	base := d.symbol("OrtGetApiBase")
	if base == nil {
		return "", fmt.Errorf("%s: %w", path, errNoRuntime)
	}
	version := versionAt(base)
	if err := checkVersion(version); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return version, nil
}

// initialise opens the library for good and makes the runtime's environment,
// with its log going to slog.
func initialise(c candidate) (*Library, error) {
	if _, err := inspect(c.path); err != nil {
		return nil, err
	}
	d, err := openDynamic(c.path)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be loaded: %w", c.path, err)
	}
	version, err := versionOf(c.path, d)
	if err != nil {
		d.close()
		return nil, err
	}
	if !useAt(d.symbol("OrtGetApiBase")) {
		d.close()
		return nil, fmt.Errorf("%s: too new: ONNX Runtime %s no longer offers API %d; "+
			"fovea needs ONNX Runtime %s to %s", c.path, version, wantAPI, oldestVersion, newestTested)
	}
	// The environment is one per process; made first, ours has our log.
	if err := newEnvironment(logSeverity()); err != nil {
		return nil, fmt.Errorf("%s: %w", c.path, err)
	}
	yalue.SetSharedLibraryPath(c.path)
	if err := yalue.InitializeEnvironment(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.path, err)
	}
	providers, err := availableProviders()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.path, err)
	}
	return &Library{Path: c.path, Version: version, Providers: providers, Origin: c.origin}, nil
}

// inUse returns the loaded library, or nil.
func inUse() *Library {
	loading.Lock()
	defer loading.Unlock()
	return loaded
}

// Version is that of the loaded library, empty if there is none.
func Version() string {
	if l := inUse(); l != nil {
		return l.Version
	}
	return ""
}
