package tensorboard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"hash/crc32"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A folder to keep the files of TestGolden in, for tools/oracle/tensorboard_events.py to read.
var keep = flag.String("keep", "", "write the event files of TestGolden to this folder and keep them")

type scalar struct {
	tag   string
	step  int64
	value float64
	wall  float64 // seconds
}

// sessions holds the events that tools/oracle/tensorboard_events.py writes: a run that stops after step 5 and resumes
// at 4.
var sessions = []struct {
	file    string
	created int64
	step    int64
	scalars []scalar
}{
	{"events.out.tfevents.1700000000.host", 1_700_000_000, 0, []scalar{
		{"loss/train", 0, 1.5, 1700000001.25},
		{"lr", 0, 0, 1700000001.25},
		{"loss/train", 1, 0.1, 1700000002.5},
		{"loss/train", 2, -3e-42, 1700000003},
		{"loss/train", 3, math.Inf(1), 1700000004},
		{"perf/Läsion κ", 3, 0.123456789, 1700000004},
		{"loss/train", 4, 7, 1700000005},
		{"loss/train", 5, 8, 1700000006},
		{"lr", 5, 1e-6, 1700000006},
	}},
	{"events.out.tfevents.1700000100.host", 1_700_000_100, 4, []scalar{
		{"loss/train", 4, 0.25, 1700000101},
		{"loss/train", 1_000_000_000_000, 0.125, 1700000102},
		{"lr", 1_000_000_000_000, 2e-6, 1700000102},
	}},
}

// TestGolden compares with the bytes that TensorBoard's own writer wrote.
func TestGolden(t *testing.T) {
	dir := t.TempDir()
	if *keep != "" {
		dir = *keep
	}
	for _, s := range sessions {
		w, err := create(dir, s.step, "host", time.Unix(s.created, 0))
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range s.scalars {
			wall := time.UnixMilli(int64(x.wall * 1000))
			if err := w.Scalar(x.tag, x.step, x.value, wall); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, s.file))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("testdata", s.file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: got\n%x\nTensorBoard wrote\n%x", s.file, got, want)
		}
	}
}

// TestMaskedCRC uses the values of RFC 3720 appendix B.4, masked.
func TestMaskedCRC(t *testing.T) {
	ascending := make([]byte, 32)
	for i := range ascending {
		ascending[i] = byte(i)
	}
	for _, c := range []struct {
		data []byte
		crc  uint32
	}{{make([]byte, 32), 0x8a9136aa}, {bytes.Repeat([]byte{0xff}, 32), 0x62a8ab43}, {ascending, 0x46dd794e}} {
		if got, want := maskedCRC(c.data), (c.crc>>15|c.crc<<17)+0xa282ead8; got != want {
			t.Errorf("masked CRC of %x is %#x, want %#x", c.data, got, want)
		}
	}
}

// TestFlush wants whole records in the file while the writer is still open.
func TestFlush(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for step := range int64(1000) {
		if err := w.Scalar("loss", step, float64(step), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, error %v; want one", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	records := 0
	for ; len(b) > 0; records++ {
		n := binary.LittleEndian.Uint64(b)
		c := crc32.Checksum(b[12:12+n], crc32.MakeTable(crc32.Castagnoli))
		if got := binary.LittleEndian.Uint32(b[12+n:]); got != (c>>15|c<<17)+0xa282ead8 {
			t.Fatalf("record %d: checksum %#x is wrong", records, got)
		}
		b = b[16+n:]
	}
	if records != 1002 {
		t.Errorf("%d records, want 1002", records)
	}
}

// TestNewFileSortsLast creates three files in one second and one after the clock was set back.
func TestNewFileSortsLast(t *testing.T) {
	dir := t.TempDir()
	for i, second := range []int64{1_700_000_000, 1_700_000_000, 1_700_000_000, 1_600_000_000} {
		w, err := create(dir, 0, "host", time.Unix(second, 0))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		last := entries[len(entries)-1].Name()
		if len(entries) != i+1 || last != filepath.Base(w.file.Name()) {
			t.Errorf("file %d is %s, but the last of %d is %s", i, w.file.Name(), len(entries), last)
		}
	}
}

func TestErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(filepath.Join(file, "dir"), 0); err == nil {
		t.Error("no error from a folder below a file")
	} else if _, ok := errors.AsType[*fs.PathError](err); !ok {
		t.Errorf("error %v does not name the path", err)
	}

	w, err := Create(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Scalar("loss", 0, 1, time.Now()); err != nil {
		t.Fatal(err) // buffered
	}
	if err := w.Flush(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("error %v after close, want %v", err, os.ErrClosed)
	}
}
