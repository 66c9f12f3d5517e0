package prepare

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"fovea/data"
	"fovea/internal/parallel"
)

// inspect reads and decodes every image, and fills in what that tells.
func inspect(ctx context.Context, images []*Image, progress func(done, total int)) error {
	return each(ctx, len(images), progress, func(i int) error { return images[i].inspect() })
}

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
	digest := sha256.Sum256(content)
	img.SHA256 = hex.EncodeToString(digest[:])
	h := sha256.New()
	binary.Write(h, binary.LittleEndian, int64(decoded.Rect.Dx())) // a hash returns no error
	h.Write(decoded.Pix)
	h.Sum(img.pixels[:0])
	for _, c := range img.copies {
		content, err := c.read()
		if err != nil {
			return err
		}
		if sha256.Sum256(content) != digest {
			return fmt.Errorf("%s and %s have one name and one size, but differ: remove the wrong one", img.file.path, c.path)
		}
	}
	return nil
}

// each calls do for 0 to n-1 on a goroutine a core: at least 4, as they also wait for disks, and at most 16, as each
// holds a photograph. The error has those of all calls, up to a limit at which the rest is left, or is the context's.
// progress may be nil; it is called by one goroutine at a time.
func each(ctx context.Context, n int, progress func(done, total int), do func(i int) error) error {
	const mostErrors = 10
	var mu sync.Mutex // guards all below and serialises progress
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
