package install

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"fovea/internal/progress"
)

// Options say which library [CPU] puts into the cache.
type Options struct {
	// From is a path or a URL (https, http, file) of the library itself or of an archive that holds it: a Python wheel
	// or any zip file, or a .tgz of ONNX Runtime's or Fovea's releases. If it comes over the network, this package must know its
	// SHA-256, or the URL must end in #sha256=HEX, the sum of the library. If From is empty, the library is fetched
	// with the Go command, else with pip.
	From string
	// Progress receives the progress of a download. It may be nil.
	Progress progress.Func
}

// bytesDone receives the progress of a download: bytes so far, and in all.
type bytesDone = func(done, total int64)

// CPU puts an ONNX Runtime library for this machine's CPU into the cache and returns its path. [Load] uses the library
// that was installed last. Several processes may install at once: one fetches, the others wait for it.
func CPU(ctx context.Context, o Options) (path string, err error) {
	unlock, err := lockCache(ctx)
	if err != nil {
		return "", fmt.Errorf("installing ONNX Runtime: %w", err)
	}
	defer unlock()
	p := o.Progress.Bytes("fetch ONNX Runtime")
	// The temporary folder is outside the cache, so a killed download leaves nothing in the cache.
	temporary, err := os.MkdirTemp("", "fovea-onnxruntime-*")
	if err != nil {
		return "", fmt.Errorf("installing ONNX Runtime: %w", err)
	}
	defer os.RemoveAll(temporary)

	if o.From != "" {
		path, err = installFrom(ctx, o.From, temporary, p)
	} else {
		path, err = installReleased(ctx, temporary, p)
	}
	if err != nil {
		return "", fmt.Errorf("installing ONNX Runtime: %w", err)
	}
	if beside := besideProgram(ctx); len(beside) > 0 {
		slog.Warn("the library beside the program is used before the cache; set "+EnvLibrary+" to use the other",
			"beside", beside[0].path, "cache", path)
	}
	return path, nil
}

// installReleased fetches a release that this package knows, unless another process fetched it while this one waited
// for the lock.
func installReleased(ctx context.Context, temporary string, p bytesDone) (string, error) {
	for _, c := range inCache(ctx) {
		if sum, err := fileSum(c.path); err == nil && knownSum(sum) {
			if _, err := probe(c.path); err == nil {
				return c.path, nil
			}
		}
	}
	var failed []error
	for _, fetch := range []func(context.Context, string, bytesDone) (string, error){fetchModule, fetchWheel} {
		library, err := fetch(ctx, temporary, p)
		if err == nil {
			return storeVerified(library)
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		slog.Debug("fetching ONNX Runtime", "error", err)
		failed = append(failed, err)
	}
	return "", fmt.Errorf("no library for %s could be fetched:\n%w\n"+
		"One of these helps:\n"+
		"  a release archive of Fovea, which has the library beside the program\n"+
		"  Python with pip (on Debian: apt-get install python3-pip), or the go command, and a network\n"+
		"  trainer runtime install -from FILE, or -from URL: a wheel or .tgz of ONNX Runtime, or an archive of Fovea\n"+
		"  %s=FILE: a library that is already here",
		thisSystem, errors.Join(failed...), EnvLibrary)
}

// storeVerified stores a fetched library whose SHA-256 has been compared, and returns its path in the cache.
func storeVerified(library string) (string, error) {
	version, err := probe(library)
	if err != nil {
		return "", err
	}
	return store(library, version)
}

// checkSum returns an error unless a library has this SHA-256.
func checkSum(library, sum string) error {
	got, err := fileSum(library)
	if err != nil {
		return err
	}
	if got != sum {
		return fmt.Errorf("%s has the SHA-256 %s, but %s is expected: damaged or changed, not used",
			library, got, sum)
	}
	return nil
}
