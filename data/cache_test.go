package data

import (
	"context"
	"encoding/binary"
	"errors"
	"image"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/internal/durable"
	"time"
)

const octScans = "testdata/kermany_oct_mini"

func openCache(t *testing.T, dir string, side int) *Cache {
	t.Helper()
	c, err := OpenCache(dir, side)
	if err != nil {
		t.Fatal(err)
	}
	c.reserve = 0 // whatever room this machine has
	return c
}

// entries returns the files of a cache.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// epochs returns the tensors of two epochs.
func epochs(t *testing.T, samples []Sample, transform Transform, cache *Cache) []float32 {
	t.Helper()
	l := newLoader(t, LoaderConfig{Samples: samples, Batch: 3, Workers: 2, Seed: 7, Shuffle: true,
		Transform: transform, Cache: cache})
	var out []float32
	for epoch := range 2 {
		it := l.Epoch(t.Context(), epoch, 0)
		for {
			b, err := it.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, b.Images...)
			b.Release()
		}
		it.Close()
	}
	return out
}

// TestCacheSameBatches: cold, warm, read by a second process's Cache, without room and damaged, a cache gives the same
// tensors.
func TestCacheSameBatches(t *testing.T) {
	samples := trainSamples(t, octScans)
	transform := NewTrainTransform(64)
	dir := t.TempDir()
	c := openCache(t, dir, 100)
	want := epochs(t, samples, transform, c)
	files := entries(t, dir)
	if len(files) != len(samples) {
		t.Fatalf("%d entries of %d images", len(files), len(samples))
	}
	check := func(name string, c *Cache) {
		if !slices.Equal(epochs(t, samples, transform, c), want) {
			t.Errorf("%s: other tensors", name)
		}
	}
	check("warm", c)
	check("opened again", openCache(t, dir, 100))

	for i, path := range files {
		entry, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		switch i % 4 {
		case 0:
			entry = entry[:len(entry)/2] // cut short
		case 1:
			entry[len(entry)/2] ^= 4 // a bit
		case 2:
			clear(entry) // what a crash of the machine leaves
		case 3:
			binary.LittleEndian.PutUint32(entry[8:], 1<<31)
		}
		if err := os.WriteFile(path, entry, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check("damaged", openCache(t, dir, 100))
	for _, path := range files {
		if _, err := readEntry(path, &Fingerprint{}); err != nil {
			t.Errorf("not made again: %v", err)
		}
	}

	full := openCache(t, t.TempDir(), 100)
	full.reserve = 1 << 62
	check("no room", full)
	if left := entries(t, full.dir); len(left) > 0 || !full.stopped.Load() {
		t.Errorf("%d entries in a cache without room", len(left))
	}
}

// TestCacheSize: no kept image's shorter side is above the cache's, and a small image is kept as it is.
func TestCacheSize(t *testing.T) {
	samples := trainSamples(t, octScans)
	for _, side := range []int{100, 2000} {
		c := openCache(t, t.TempDir(), side)
		for _, s := range samples {
			got, _, err := c.load(s.Path, nil, NewTrainTransform(64))
			if err != nil {
				t.Fatal(err)
			}
			whole, err := Decode(s.Path)
			if err != nil {
				t.Fatal(err)
			}
			if side == 2000 {
				if d := compare(t, got, whole); d != (difference{}) {
					t.Errorf("%s: %+v", s.Path, d)
				}
			} else if short := min(got.Rect.Dx(), got.Rect.Dy()); short != side {
				t.Errorf("%s: %v", s.Path, got.Rect)
			}
		}
		for _, path := range entries(t, c.dir) {
			if info, err := os.Stat(path); err != nil || side == 100 && info.Size() > 3*100*200+entryHead {
				t.Errorf("%s has %d bytes, %v", path, info.Size(), err)
			}
		}
	}
}

// TestCacheEvaluation: a cache, even of small images, changes no tensor of an evaluation.
func TestCacheEvaluation(t *testing.T) {
	samples := trainSamples(t, octScans)
	c := openCache(t, t.TempDir(), 16)
	for _, size := range []int{32, 64} {
		want := epochs(t, samples, NewEvalTransform(size), nil)
		for range 2 {
			if !slices.Equal(epochs(t, samples, NewEvalTransform(size), c), want) {
				t.Errorf("%d: other tensors", size)
			}
		}
	}
}

// TestCacheChangedImage: an image is known by its content, not by its name.
func TestCacheChangedImage(t *testing.T) {
	samples := trainSamples(t, octScans)
	path := filepath.Join(t.TempDir(), "a.jpg")
	dir := t.TempDir()
	var got []*image.NRGBA
	for _, from := range []string{samples[0].Path, samples[len(samples)-1].Path} {
		file, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, file, 0o644); err != nil {
			t.Fatal(err)
		}
		img, _, err := openCache(t, dir, 100).load(path, nil, NewTrainTransform(64))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, img)
	}
	if slices.Equal(got[0].Pix, got[1].Pix) {
		t.Error("another image gave the same pixels")
	}
}

// TestVerifyFillsCache: after Verify nothing is decoded, and unreadable images are told as without a cache.
func TestVerifyFillsCache(t *testing.T) {
	samples := append(trainSamples(t, octScans), Sample{Path: filepath.Join(golden, "broken", "truncated.jpg")})
	c := openCache(t, t.TempDir(), 100)
	contents, bad, err := Verify(t.Context(), samples, 2, c, NewTrainTransform(64), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(contents) != len(samples)-1 || len(bad) != 1 || bad[0].Index != len(samples)-1 ||
		!strings.Contains(bad[0].Err.Error(), "truncated.jpg: the file is cut short") {
		t.Errorf("%+v", bad)
	}
	before := entries(t, c.dir)
	if len(before) != len(samples)-1 {
		t.Fatalf("%d entries", len(before))
	}
	for _, s := range samples[:len(samples)-1] {
		if _, ok := c.files.Load(s.Path); !ok {
			t.Errorf("%s is read again", s.Path)
		}
	}
}

// TestWarmCacheDecodesNothing: of a file that no decoder can read, what the cache has of it is taken.
func TestWarmCacheDecodesNothing(t *testing.T) {
	path := filepath.Join(golden, "broken", "text.jpg")
	img, of, err := openCache(t, t.TempDir(), 100).load(trainSamples(t, octScans)[0].Path, nil, NewTrainTransform(64))
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := openCache(t, t.TempDir(), 100)
	want := fingerprintBytes(file)
	want.Pixels = of.Pixels
	c.store(c.entry(NewTrainTransform(64).cached(100), want), img, want)
	got, bad, err := Verify(t.Context(), []Sample{{Path: path}}, 1, c, NewTrainTransform(64), nil)
	if err != nil || bad != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%v, %v, %v", got, bad, err)
	}
}

func TestOpenCacheRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCache(file, 100); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file as the folder: %v", err)
	}
	if _, err := OpenCache(t.TempDir(), 0); err == nil {
		t.Error("a side of 0 is accepted")
	}
}

// TestCacheProcesses fills and empties one cache from two processes at once, kills one at many points, and checks each
// time that every entry is whole.
func TestCacheProcesses(t *testing.T) {
	samples := trainSamples(t, octScans)
	transform := NewTrainTransform(64)
	if dir := os.Getenv("FOVEA_TEST_CACHE"); dir != "" {
		for end := time.Now().Add(time.Minute); time.Now().Before(end); { // killed before that
			c := openCache(t, dir, 300)
			if _, _, err := Verify(context.Background(), samples, 2, c, transform, nil); err != nil {
				t.Fatal(err)
			}
			_ = os.RemoveAll(filepath.Join(dir, cacheFormat)) // in vain where the other process is writing
		}
		return
	}
	dir := t.TempDir()
	start := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run=^TestCacheProcesses$")
		cmd.Env = append(os.Environ(), "FOVEA_TEST_CACHE="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	stop := func(cmd *exec.Cmd) {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	other := start()
	defer stop(other)
	whole := 0
	for i := range 12 {
		cmd := start()
		time.Sleep(time.Duration(20+17*i) * time.Millisecond)
		stop(cmd)
		paths, _ := filepath.Glob(filepath.Join(dir, cacheFormat, "*", "*", "*"))
		for _, path := range paths {
			_, err := readEntry(path, &Fingerprint{})
			if err == nil {
				whole++
			} else if !errors.Is(err, fs.ErrNotExist) { // removed by the other process
				t.Errorf("after kill %d: %v", i, err)
			}
		}
	}
	if whole == 0 {
		t.Error("no entry was ever seen")
	}
}

// TestCacheRemovesUnfinished: what a killed process was writing goes, but not what another may be writing. The folder's
// name is no pattern.
func TestCacheRemovesUnfinished(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache[1]")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{".entry-1": 2 * time.Hour, ".entry.fovea-tmp-1": 2 * time.Hour,
		".entry-2": time.Minute} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	live, err := durable.Create(dir, "entry")
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	openCache(t, dir, 100)
	if left := entries(t, dir); len(left) != 2 || filepath.Base(left[0]) != ".entry-2" || left[1] != live.Name() {
		t.Errorf("left: %v", left)
	}
}
