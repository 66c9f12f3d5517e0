package ort

import (
	"errors"
	"fmt"
	"os"
	"sync"

	yalue "github.com/yalue/onnxruntime_go"

	"fovea/internal/sharedlib"
)

// A Library is the ONNX Runtime that this process uses.
type Library struct {
	Path      string
	Version   string   // "1.27.0"
	API       int      // the newest version of the C interface that it offers
	Providers []string // execution providers compiled in, such as "CPUExecutionProvider"
	Origin    string   // how it was found, such as "the cache"

	prepareCUDA func(*Library) error
}

var (
	opening sync.Mutex
	inUse   *Library // guarded by opening; set once
)

// ErrNotLoaded means that no library has been opened yet.
var ErrNotLoaded = errors.New("ONNX Runtime is not loaded: call install.Load first")

// Open opens the ONNX Runtime library at path for the rest of the process and sends the runtime's log to slog. A
// process can open only one. Opening executes code of the file; install.Load first checks that the file is such a
// library.
//
// origin says how the library was found and is kept for messages. prepareCUDA, if not nil, is called before each
// session with the CUDA provider is made; if it fails, making the session fails.
func Open(path, origin string, prepareCUDA func(*Library) error) (*Library, error) {
	opening.Lock()
	defer opening.Unlock()
	if inUse != nil {
		return nil, fmt.Errorf("this process already uses %s; it cannot change to %s", inUse.Path, path)
	}
	file, version, err := open(path)
	if err != nil {
		return nil, err
	}
	if !useAt(file.Symbol(entryPoint)) {
		file.Close()
		return nil, fmt.Errorf("%s: too new: ONNX Runtime %s no longer offers API %d; "+
			"fovea needs ONNX Runtime %s to %s", path, version, API, OldestVersion, NewestTested)
	}
	// A process has one environment. This one is made before yalue's, so its log is ours.
	if err := newEnvironment(logSeverity()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	yalue.SetSharedLibraryPath(path)
	if err := yalue.InitializeEnvironment(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	providers, err := availableProviders()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	_, offered, _ := parseVersion(version)
	inUse = &Library{path, version, offered, providers, origin, prepareCUDA}
	return inUse, nil
}

// Probe returns the version of the ONNX Runtime library at path, or an error if this package cannot use the library. It
// loads the library and closes it again, without initialising it.
func Probe(path string) (version string, err error) {
	file, version, err := open(path)
	if err != nil {
		return "", err
	}
	file.Close()
	return version, nil
}

// entryPoint is the one function that every ONNX Runtime library exports.
const entryPoint = "OrtGetApiBase"

// envTelemetry is the environment variable that keeps ONNX Runtime from sending reports to its maker. The official
// builds since 1.32 do so by default. It must be set before a library begins to work; a user's own value stays.
const envTelemetry = "ORT_DISABLE_TELEMETRY"

// ErrNotRuntime means that a shared library is not ONNX Runtime.
var ErrNotRuntime = errors.New("it is a shared library, but not ONNX Runtime: it has no function " + entryPoint)

func open(path string) (file sharedlib.Library, version string, err error) {
	if _, chosen := os.LookupEnv(envTelemetry); !chosen {
		if err := os.Setenv(envTelemetry, "1"); err != nil {
			return file, "", err
		}
	}
	file, err = sharedlib.Open(path)
	if err != nil {
		return file, "", fmt.Errorf("%s cannot be loaded: %w", path, err)
	}
	if symbol := file.Symbol(entryPoint); symbol == nil {
		err = ErrNotRuntime
	} else {
		version = versionAt(symbol)
		err = CheckVersion(version)
	}
	if err != nil {
		file.Close()
		return file, "", fmt.Errorf("%s: %w", path, err)
	}
	return file, version, nil
}

// InUse returns the library that this process uses, or nil.
func InUse() *Library {
	opening.Lock()
	defer opening.Unlock()
	return inUse
}

// Version returns the version of the library in use, or "" if there is none.
func Version() string {
	if l := InUse(); l != nil {
		return l.Version
	}
	return ""
}
