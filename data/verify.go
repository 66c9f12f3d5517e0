package data

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"

	"fovea/data/pixels"
	"fovea/data/store"
	"fovea/data/tars"
	"fovea/internal/parallel"
)

// A BadImage is a sample that cannot be decoded.
type BadImage struct {
	Index  int // in the samples that were verified
	Sample Sample
	Err    error // names the file and the cause
}

// Verify decodes every sample. It returns the fingerprints of those that can be decoded, and the samples that cannot
// be, or that transform cannot bring to its size, both in order. The error is the context's, or that of an object store. workers is the number of
// goroutines, 0 for one a core. progress, if not nil, is called after each image, by one goroutine at a time.
//
// cache may be nil. A cache keeps the images in the form that transform needs, and those that it has already are not
// decoded.
func Verify(ctx context.Context, samples []Sample, workers int, cache *Cache, transform Transform,
	progress func(done, total int)) ([]Fingerprint, []BadImage, error) {
	fingerprints, errs := make([]Fingerprint, len(samples)), make([]error, len(samples))
	done := 0
	var mu sync.Mutex // guards done and serialises progress
	parallel.Each(workers, len(samples), func(i int) {
		if ctx.Err() != nil {
			return
		}
		fingerprints[i], errs[i] = verify(samples[i].Path, cache, transform)
		mu.Lock()
		defer mu.Unlock()
		done++
		if progress != nil {
			progress(done, len(samples))
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("checking images: %w", err)
	}

	var bad []BadImage
	for i, err := range errs {
		if errors.Is(err, store.ErrFailed) {
			return nil, nil, err // says nothing about the image
		}
		if err != nil {
			bad = append(bad, BadImage{Index: i, Sample: samples[i], Err: err})
		}
	}
	return Readable(fingerprints, bad), bad, nil
}

// LogNotes logs, once for all splits, what may surprise in the images that Verify decoded, with their number.
func LogNotes(splits ...*Split) {
	var notes pixels.Tally
	for _, s := range splits {
		for i, f := range s.Verified {
			notes.Add(s.Samples[i].Path, f.Notes)
		}
	}
	notes.Log()
}

// verify returns the fingerprint of an image file; its errors name the file.
func verify(path string, cache *Cache, transform Transform) (fingerprint Fingerprint, err error) {
	if cache != nil {
		_, fingerprint, err = cache.load(path, nil, transform)
	} else {
		fingerprint, err = fingerprintFile(path, transform)
	}
	if err != nil {
		err = fmt.Errorf("reading the image %s: %w", path, err)
	}
	return fingerprint, err
}

// ErrReplaced is the error about a file whose content is not the one that was verified.
var ErrReplaced = errors.New("the file was replaced after it had been checked: put it back and resume, or start anew")

// ReadFile returns the content of an image file, or of a member of a tar archive. Files above the limit of their kind are
// errors.
func ReadFile(path string) ([]byte, error) { return readFile(path, nil) }

// readFile does what ReadFile does. It returns ErrReplaced if that is not what Verify read, where verified is not
// nil. It compares the content, since a copy may have the size and the time of the file that it replaces. An archive must
// have its time and size too, or its members may lie elsewhere.
func readFile(path string, verified *Fingerprint) ([]byte, error) {
	read := func() ([]byte, error) { return store.ReadFile(path, pixels.MaxFile()) }
	if archive, member, ok := tars.Split(path); ok {
		read = func() ([]byte, error) { return tars.Read(archive, member, pixels.MaxFile()) }
	}
	file, err := read()
	if verified != nil && (err == nil && !verified.of(file) || errors.Is(err, tars.ErrReplaced)) {
		err = ErrReplaced
	}
	return file, err
}

// fingerprintFile decodes an image file and checks that transform can resize it.
func fingerprintFile(path string, transform Transform) (Fingerprint, error) {
	file, err := readFile(path, nil)
	if err != nil {
		return Fingerprint{}, err
	}
	release, err := Reserve(file)
	if err != nil {
		return Fingerprint{}, err
	}
	defer release()
	reading := Reading{}
	if transform != nil {
		reading = transform.reading()
	}
	img, notes, err := reading.DecodeBytes(file)
	if err != nil {
		return Fingerprint{}, err
	}
	if t, ok := transform.(EvalTransform); ok {
		if err := t.CheckPixels(img.Rect.Dx(), img.Rect.Dy(), pixels.Limit()); err != nil {
			return Fingerprint{}, err
		}
	}
	fingerprint := FingerprintOf(file, img)
	fingerprint.Notes = notes
	return fingerprint, nil
}

// Readable returns the elements of all without those of the samples in bad, which Verify returned. all has one element
// for each sample that was verified.
func Readable[T any](all []T, bad []BadImage) []T {
	good := make([]T, 0, len(all)-len(bad))
	for i, x := range all {
		if len(bad) > 0 && bad[0].Index == i {
			bad = bad[1:]
			continue
		}
		good = append(good, x)
	}
	return good
}

// Unreadable is the error about images that Verify found and that a run does not skip.
type Unreadable struct {
	Images []BadImage
	Total  int // images that were verified
}

// Error returns the number of images, and the first ten files with their causes.
func (u *Unreadable) Error() string {
	return strings.Join(u.Lines(), "\n")
}

// Lines returns the lines of Error.
func (u *Unreadable) Lines() []string {
	const most = 10
	lines := []string{fmt.Sprintf("%d of %d images cannot be read; repair or remove them:", len(u.Images), u.Total)}
	for _, bad := range u.Images[:min(len(u.Images), most)] {
		lines = append(lines, fmt.Sprintf("  %v", bad.Err))
	}
	if len(u.Images) > most {
		lines = append(lines, fmt.Sprintf("  and %d more", len(u.Images)-most))
	}
	return lines
}

// LeaveOut decides whether a run goes on without the images. If skip is set and others are left, it logs a warning.
// Else it returns an error, which ends with how to skip them. It returns nil if there are no such images.
func (u *Unreadable) LeaveOut(skip bool, how string) error {
	switch {
	case len(u.Images) == 0:
		return nil
	case !skip:
		return fmt.Errorf("%w\nor %s to leave them out", u, how)
	case len(u.Images) == u.Total:
		return fmt.Errorf("%w\nnothing is left", u)
	}
	slog.Warn("images are left out", "reason", u)
	return nil
}

// Unwrap returns the causes, so that errors.Is finds, say, a missing permission.
func (u *Unreadable) Unwrap() []error {
	errs := make([]error, len(u.Images))
	for i, bad := range u.Images {
		errs[i] = bad.Err
	}
	return errs
}

// workerCount returns n, or one for each core if n is 0.
func workerCount(n int) int {
	if n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}
