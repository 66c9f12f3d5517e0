package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Cache keeps decoded images in a folder, for later epochs and runs. It is safe for concurrent use, in several
// processes too.
//
// What it keeps depends on the transform. For training it is the image, whose shorter side is at most the cache's; with
// a cache an image is always used in this form, whether it was kept or has just been made, so that a run is the same
// with a cold cache, a warm one and one that has no room. For evaluation it is the crop before normalisation: the
// result is that without a cache.
//
// An entry is a file under the digest of the image file's bytes, so that a changed image is another one, and the same
// image in two splits is kept once. An entry gets its name only when it is whole, and has a checksum: whatever a crash
// or a broken disk leaves is found, and made again. The folder may be removed at any time.
//
// Entries are read, not mapped: reading one of 512×683 pixels takes 0.1 ms, and a file that shrinks under a mapping
// would end the process.
type Cache struct {
	dir     string
	side    int
	reserve uint64 // bytes of the disk that stay free

	digests sync.Map // from a path to the digest of its file when it was read first
	stopped atomic.Bool
}

// cacheFormat changes with the meaning of entries: their layout, or the pixels that decoding and resizing give. Entries
// of another format, in a folder of its name, are not read.
const cacheFormat = "2"

// cacheReserve leaves room for a checkpoint of ViT-L, 3.6 GB: a cache must not be why a run cannot be saved.
const cacheReserve = 4 << 30

// OpenCache makes the folder if need be. side is the largest shorter side, in pixels, of a kept training image.
//
// That the folder cannot be made or written is an error. Later a cache never fails: when the disk is full up to a
// reserve of 4 GiB or an entry cannot be written, one warning is logged and no more is kept.
func OpenCache(dir string, side int) (*Cache, error) {
	if side < 1 {
		return nil, fmt.Errorf("a cache of images with a side of %d pixels: it must be at least 1", side)
	}
	c := &Cache{dir: dir, side: side, reserve: cacheReserve}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cache of images: %w", err)
	}
	f, err := os.CreateTemp(dir, unfinished)
	if err != nil {
		return nil, fmt.Errorf("cache of images: %w", err)
	}
	f.Close()
	os.Remove(f.Name())
	c.removeUnfinished()
	return c, nil
}

// unfinished is the name of entries that are being written.
const unfinished = ".entry-*"

// removeUnfinished removes what a killed process was writing, but not what another may be writing now.
func (c *Cache) removeUnfinished() {
	left, _ := fs.Glob(os.DirFS(c.dir), unfinished) // the folder's own name is no pattern
	for _, name := range left {
		path := filepath.Join(c.dir, name)
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > time.Hour {
			os.Remove(path)
		}
	}
}

// form is what a cache keeps of an image for a transform.
type form struct {
	name    string // of the folder: whatever decides the pixels
	prepare func(*image.NRGBA) (*image.NRGBA, error)
}

// image returns an image file in the form that t wants.
func (c *Cache) image(path string, t Transform) (*image.NRGBA, error) {
	img, _, err := c.load(path, t)
	return img, err
}

// load is image with the file's content.
func (c *Cache) load(path string, t Transform) (*image.NRGBA, Content, error) {
	kept := t.kept(c.side)
	if digest, ok := c.digests.Load(path); ok {
		of := Content{bytes: digest.([sha256.Size]byte)}
		if img, err := readEntry(c.entry(kept, of), &of); err == nil {
			return img, of, nil
		}
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, Content{}, err
	}
	of := Content{bytes: sha256.Sum256(file)}
	c.digests.Store(path, of.bytes)
	entry := c.entry(kept, of)
	img, err := readEntry(entry, &of)
	if err == nil {
		return img, of, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		slog.Debug("an entry of the cache is made again", "reason", err)
	}
	if img, err = DecodeBytes(file); err != nil {
		return nil, of, err
	}
	of.pixels = pixelDigest(img)
	if img, err = kept.prepare(img); err != nil {
		return nil, of, err
	}
	c.store(entry, img, of)
	return img, of, nil
}

func (c *Cache) entry(f form, of Content) string {
	digest := hex.EncodeToString(of.bytes[:])
	return filepath.Join(c.dir, cacheFormat, f.name, digest[:2], digest[2:]+".rgb")
}

// store keeps an image of a file. When it cannot, it warns, and tries no more.
func (c *Cache) store(path string, img *image.NRGBA, of Content) {
	if c.stopped.Load() {
		return
	}
	err := c.checkRoom(entrySize(img))
	if err == nil {
		err = c.write(path, img, of)
	}
	if err != nil && !c.stopped.Swap(true) {
		slog.Warn("the cache keeps no more images; the run goes on without, slower", "folder", c.dir, "reason", err)
	}
}

func (c *Cache) checkRoom(size int) error {
	free, err := freeSpace(c.dir)
	if err == nil && free < c.reserve+uint64(size) {
		err = fmt.Errorf("the disk has %d MiB left, of which %d MiB are not for the cache", free>>20, c.reserve>>20)
	}
	return err
}

// write gives an entry its name when all of it is written. It is not synced: a crash of the machine may leave an entry
// without its content, which is found when it is read.
func (c *Cache) write(path string, img *image.NRGBA, of Content) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(c.dir, unfinished)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(encodeEntry(img, of)); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
