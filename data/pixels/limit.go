package pixels

import (
	"errors"
	"fmt"
	"sync"
)

// DefaultLimit is the largest number of pixels of an image unless SetLimit says otherwise. Pillow warns above it.
const DefaultLimit = 89_478_485

// perPixel is the memory for all images that are decoded at a time, in bytes for each pixel of the limit: 0.9 GB by
// default.
const perPixel = 10

// ErrTooLarge is wrapped by errors about images with too many pixels or scans.
var ErrTooLarge = errors.New("more than the limit")

// raise names the settings of the limit.
const raise = "data.max_pixels, -max-pixels"

// memory counts the bytes of the images that are being decoded.
var memory = struct {
	sync.Mutex
	freed *sync.Cond
	limit int // pixels of an image
	used  int // bytes
}{limit: DefaultLimit}

func init() { memory.freed = sync.NewCond(&memory) }

// SetLimit sets the largest number of pixels of an image for the whole process, 0 for DefaultLimit. All images that are
// decoded at a time may take 10 bytes for each of these pixels.
func SetLimit(pixels int) {
	memory.Lock()
	defer memory.Unlock()
	if memory.limit = pixels; pixels <= 0 {
		memory.limit = DefaultLimit
	}
}

// Limit returns the largest number of pixels of an image.
func Limit() int {
	memory.Lock()
	defer memory.Unlock()
	return memory.limit
}

// MaxFile returns the size of the largest image file in bytes: 6 for each pixel of the limit, and 1 MiB.
func MaxFile() int64 { return 6*int64(Limit()) + 1<<20 }

// checkLimit returns an error that wraps ErrTooLarge if an image has too many pixels, or takes too much memory.
func checkLimit(h header) error {
	limit := Limit()
	if h.w > limit/h.h {
		return fmt.Errorf("%d×%d pixels are %w of %d; reduce the image, or raise the limit: "+raise,
			h.w, h.h, ErrTooLarge, limit)
	}
	if h.w*h.h > perPixel*limit/h.perByte {
		return fmt.Errorf("%d×%d pixels of this kind take %d MiB, %w of %d MiB; reduce the image, or raise the "+
			"limit: "+raise,
			h.w, h.h, h.w*h.h*h.perByte>>20, ErrTooLarge, perPixel*limit>>20)
	}
	return nil
}

// Reserve waits until there is memory to decode a file. The caller must call release when he needs the image no more.
// The error is that of Size.
func Reserve(file []byte) (release func(), err error) {
	defer recoverDecoder(&err)
	h, _, err := inspect(file)
	if err != nil {
		return nil, err
	}
	bytes := h.w * h.h * h.perByte
	memory.Lock()
	defer memory.Unlock()
	for memory.used > 0 && memory.used+bytes > perPixel*memory.limit {
		memory.freed.Wait()
	}
	memory.used += bytes
	return func() {
		memory.Lock()
		defer memory.Unlock()
		memory.used -= bytes
		memory.freed.Broadcast()
	}, nil
}
