package install

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"fovea/internal/progress"
	"fovea/onnx/ort"
)

// A Source says where the library comes from.
type Source struct {
	// Library is the path of the library or of a folder that holds it. If it is empty, the environment variable
	// FOVEA_ORT counts, then the search that the package's documentation describes. A path that is named in either way
	// and fails is an error; nothing else is tried then.
	Library string
	// Provider is the value of a config's key runtime.provider. With "cpu" or "" any library will do. With "cuda" only
	// a GPU build will do, from the cache that GPU fills, from Python or from the system; it is an error if there is
	// none. With "auto" a GPU build is used if there is one and the driver shows a GPU.
	Provider string
	// Progress receives the progress of a download. It may be nil.
	Progress progress.Func
}

// EnvLibrary is the environment variable that names the library's path.
const EnvLibrary = "FOVEA_ORT"

var loading sync.Mutex // held while a library is found and opened

// Load finds or fetches ONNX Runtime and opens it for the rest of the process. It may be called again: for the same
// library, or none named, it returns the one in use. A process cannot change to another library.
func Load(ctx context.Context, s Source) (*ort.Library, error) {
	loading.Lock()
	defer loading.Unlock()
	if loaded := ort.InUse(); loaded != nil {
		named, origin := s.named()
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
	library, err := ort.Open(c.path, c.origin, func(l *ort.Library) error {
		return prepareCUDA(context.Background(), l)
	})
	if err != nil {
		return nil, fmt.Errorf("loading ONNX Runtime (%s): %w", c.origin, err)
	}
	return library, nil
}

// named returns the path that the caller or the environment names, and which of the two names it.
func (s Source) named() (path, origin string) {
	if s.Library != "" {
		return s.Library, "the configured path"
	}
	return os.Getenv(EnvLibrary), "the environment variable " + EnvLibrary
}

// namedFile returns the absolute path of the library at a path that a user named: the library or a folder with one.
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
	found := librariesBelow(path)
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

// probe returns a library's version, or why ONNX Runtime cannot be used from that file. It initialises nothing, and
// looks at the file before any of its code is executed.
func probe(path string) (version string, err error) {
	if _, err := inspect(path); err != nil {
		return "", err
	}
	return ort.Probe(path)
}
