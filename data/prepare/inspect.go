package prepare

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"fovea/data"
	"fovea/internal/parallel"
)

// inspect reads and decodes every image and fills in Source, SHA256 and fingerprint.
func inspect(ctx context.Context, images []*Image, progress func(done, total int)) error {
	return each(ctx, len(images), progress, func(i int) error { return images[i].inspect() })
}

// inspect does this for one image, and compares its copies with it.
func (img *Image) inspect() error {
	content, err := img.file.read()
	if err != nil {
		return err
	}
	decoded, err := data.DecodeBytes(content)
	if err != nil {
		return fmt.Errorf("reading %s: %w; if it is damaged, get it again", img.file.path, err)
	}
	img.Source = img.file.path
	img.fingerprint = data.FingerprintOf(content, decoded)
	img.SHA256 = hex.EncodeToString(img.fingerprint.File[:])
	for _, c := range img.copies {
		content, err := c.read()
		if err != nil {
			return err
		}
		if sha256.Sum256(content) != img.fingerprint.File {
			return fmt.Errorf("%s and %s have one name and one size, but differ: remove the wrong one", img.file.path, c.path)
		}
	}
	return nil
}

// each calls do for 0 to n-1 on a goroutine for each core: at least 4, as they also wait for disks, and at most 16, as
// each holds a photograph. It returns the errors of all calls; after ten errors it calls do no more. If the context is
// done it returns the context's error. progress may be nil; one goroutine at a time calls it.
func each(ctx context.Context, n int, progress func(done, total int), do func(i int) error) error {
	const mostErrors = 10
	var mu sync.Mutex // guards errs and done, and serialises progress
	var errs []error
	done := 0
	stopped := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(errs) >= mostErrors || ctx.Err() != nil
	}
	parallel.Each(min(max(4, runtime.GOMAXPROCS(0)), 16), n, func(i int) {
		if stopped() {
			return
		}
		err := do(i)
		mu.Lock()
		defer mu.Unlock()
		done++
		if err != nil {
			errs = append(errs, err)
		} else if progress != nil {
			progress(done, n)
		}
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(errs...)
}
