package data

import (
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

	"fovea/internal/durable"
)

// A Cache keeps decoded images in a folder, for later epochs and runs. It is safe for concurrent use, also by several
// processes, and by several machines that share the folder over NFS.
//
// The transform decides what is kept. For training it is the image, scaled down if its shorter side exceeds the
// cache's. With a cache, training always uses this form, whether it was kept or has just been made. So a run gives the
// same result with an empty cache, a full one and one without room. For evaluation the cache keeps the crop before
// normalisation, which gives the same result as no cache.
//
// An entry is named after the SHA-256 of the image file. A file that changed has another entry, and the same image in
// two splits is kept once. An entry gets its name only when it is complete, and it has a checksum. So an entry that a
// crash or a broken disk has damaged is found and made again. The folder may be removed at any time.
//
// Entries are read and not mapped into memory: reading one of 512×683 pixels takes 0.1 ms, and a file that shrinks
// under a mapping would end the process.
type Cache struct {
	dir     string
	side    int
	reserve uint64 // bytes of the disk that stay free

	files   sync.Map    // from a path to the Fingerprint of its file when it was first read, without what it shows
	stopped atomic.Bool // no more entries are written
}

// cacheFormat names the folder of the entries. It changes when their layout changes, or the pixels that decoding and
// resizing give. Entries of another format are not read.
const cacheFormat = "4"

// cacheReserve leaves room for a checkpoint of ViT-L, which has 3.6 GB: a cache must never be the reason that a run
// cannot be saved.
const cacheReserve = 4 << 30

// OpenCache opens the cache in the folder dir, and makes the folder if it is missing. side is the longest shorter side,
// in pixels, of a training image that is kept; it must be at least 1.
//
// It returns an error if the folder cannot be made or written. After that a cache never fails. When less than 4 GiB of
// the disk would stay free, or an entry cannot be written, it logs one warning and keeps no more images.
func OpenCache(dir string, side int) (*Cache, error) {
	if side < 1 {
		return nil, fmt.Errorf("a cache of images with a side of %d pixels: it must be at least 1", side)
	}
	c := &Cache{dir: dir, side: side, reserve: cacheReserve}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cache of images: %w", err)
	}
	f, err := durable.Create(dir, unfinished)
	if err != nil {
		return nil, fmt.Errorf("cache of images: %w", err)
	}
	f.Close()
	os.Remove(f.Name())
	c.removeUnfinished()
	return c, nil
}

// unfinished stands in the temporary names of entries that are being written.
const unfinished = "entry"

// removeUnfinished removes what killed processes left. It spares files of the last hour, which a process may still be
// writing, perhaps on another machine: a lock on a file of NFS may hold on one machine only.
func (c *Cache) removeUnfinished() {
	left, _ := fs.Glob(os.DirFS(c.dir), "."+unfinished+"*") // the folder's own name is no pattern
	for _, name := range left {
		path := filepath.Join(c.dir, name)
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > time.Hour {
			os.Remove(path)
		}
	}
}

// A cachedForm describes the form in which a cache keeps an image for a transform.
type cachedForm struct {
	name    string // of the folder; it names every setting that decides the pixels
	prepare func(*image.NRGBA) (*image.NRGBA, error)
}

// load returns an image file in the form that t needs, and the fingerprint of the file. It reads the entry if there is
// one, else it decodes the file, as readFile returns it, and keeps the result.
func (c *Cache) load(path string, verified *Fingerprint, t Transform) (*image.NRGBA, Fingerprint, error) {
	form := t.cached(c.side)
	if before, ok := c.files.Load(path); ok {
		fingerprint := before.(Fingerprint)
		if img, err := readEntry(c.entry(form, fingerprint), &fingerprint); err == nil {
			return img, fingerprint, nil
		}
	}
	file, err := readFile(path, verified)
	if err != nil {
		return nil, Fingerprint{}, err
	}
	fingerprint := fingerprintBytes(file)
	c.files.Store(path, fingerprint)
	entry := c.entry(form, fingerprint)
	img, err := readEntry(entry, &fingerprint)
	if err == nil {
		return img, fingerprint, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		slog.Debug("an entry of the cache is made again", "reason", err)
	}
	release, err := Reserve(file)
	if err != nil {
		return nil, fingerprint, err
	}
	defer release()
	if img, fingerprint.Notes, err = t.reading().DecodeBytes(file); err != nil {
		return nil, fingerprint, err
	}
	fingerprint.addPixels(img)
	if img, err = form.prepare(img); err != nil {
		return nil, fingerprint, err
	}
	c.store(entry, img, fingerprint)
	return img, fingerprint, nil
}

// entry returns the path of a file's entry.
func (c *Cache) entry(f cachedForm, fingerprint Fingerprint) string {
	digest := hex.EncodeToString(fingerprint.File[:])
	return filepath.Join(c.dir, cacheFormat, f.name, digest[:2], digest[2:]+".rgb")
}

// store writes an entry. If that fails it logs a warning, and the cache writes no more.
func (c *Cache) store(path string, img *image.NRGBA, fingerprint Fingerprint) {
	if c.stopped.Load() {
		return
	}
	err := c.checkRoom(entrySize(img))
	if err == nil {
		err = c.write(path, img, fingerprint)
	}
	if err != nil && !c.stopped.Swap(true) {
		slog.Warn("the cache keeps no more images; the run goes on without, slower", "folder", c.dir, "reason", err)
	}
}

// checkRoom returns an error if an entry of size bytes would leave less than the reserve free.
func (c *Cache) checkRoom(size int) error {
	free, err := freeSpace(c.dir)
	if err == nil && free < c.reserve+uint64(size) {
		err = fmt.Errorf("the disk has %d MiB left, of which %d MiB are not for the cache", free>>20, c.reserve>>20)
	}
	return err
}

// write writes an entry under a temporary name and renames it. It does not sync: a crash of the machine may leave a
// damaged entry, which its checksum reveals.
func (c *Cache) write(path string, img *image.NRGBA, fingerprint Fingerprint) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := durable.Create(c.dir, unfinished)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(encodeEntry(img, fingerprint)); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	return durable.Commit(f, path)
}
