package install

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"fovea/internal/progress"
)

// Options say what [CPU] puts into the cache.
type Options struct {
	// From is a path or a URL (https, http, file) of the library itself or of an archive that holds it: a Python wheel
	// or any zip file, or a .tgz of ONNX Runtime's releases. What comes over the network must be a library that this
	// package knows by its SHA-256, or the URL must end in #sha256=HEX, the sum of the library. Empty: fetched with the
	// Go command, else with pip.
	From string
	// Progress is told of a download; nil: nobody is.
	Progress progress.Func
}

// bytesDone is told of a download: bytes so far, and in all.
type bytesDone = func(done, total int64)

// CPU puts an ONNX Runtime library for this machine into the cache, from where [Load] takes the one that was installed
// last, and returns its path. Several processes may install at once: one fetches, the others wait for it.
func CPU(ctx context.Context, o Options) (path string, err error) {
	unlock, err := lockCache(ctx)
	if err != nil {
		return "", fmt.Errorf("installing ONNX Runtime: %w", err)
	}
	defer unlock()
	p := o.Progress.Bytes("fetch ONNX Runtime")
	// A temporary folder of its own: what a killed download leaves is not the cache's.
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
	return path, nil
}

// installReleased fetches a release that this package knows, unless another process did so while this one waited for
// the lock.
func installReleased(ctx context.Context, temporary string, p bytesDone) (string, error) {
	for _, c := range inCache(ctx) {
		if sum, err := fileSum(c.path); err == nil && known(sum) {
			if _, err := probe(c.path); err == nil {
				return c.path, nil
			}
		}
	}
	var failed []error
	for _, fetch := range []func(context.Context, string, bytesDone) (string, error){fetchModule, fetchWheel} {
		library, err := fetch(ctx, temporary, p)
		if err == nil {
			return verified(library)
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		slog.Debug("fetching ONNX Runtime", "error", err)
		failed = append(failed, err)
	}
	return "", fmt.Errorf("no library for %s could be fetched:\n%w\n"+
		"get one on a machine with a network and name it: trainer runtime install -from FILE, or %s=FILE",
		thisSystem, errors.Join(failed...), EnvLibrary)
}

// verified stores a fetched library whose SHA-256 has been compared.
func verified(library string) (string, error) {
	version, err := probe(library)
	if err != nil {
		return "", err
	}
	return store(library, version)
}

// wantSum compares a library with the SHA-256 that it must have.
func wantSum(library, sum string) error {
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
