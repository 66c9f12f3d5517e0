package tars

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// standard lists the files of an archive with package archive/tar.
func standard(archive []byte) (members []string, err error) {
	in := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return members, nil
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag == tar.TypeReg {
			content, err := io.ReadAll(in)
			if err != nil {
				return nil, err
			}
			members = append(members, fmt.Sprintf("%s %x", path.Clean(h.Name), content))
		}
	}
}

// TestHeaders: archives in all forms, with long names, links, folders and records of POSIX, hold what package archive/tar
// reads. Of archives with a changed byte, none holds something else.
func TestHeaders(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	read, refused := 0, 0
	for n := range 100 {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		form := []tar.Format{tar.FormatUSTAR, tar.FormatPAX, tar.FormatGNU, tar.FormatUnknown}[n%4]
		for i := range 1 + r.IntN(6) {
			h := tar.Header{Typeflag: tar.TypeReg, Mode: 0o644, Format: form, Size: int64(r.IntN(3) * r.IntN(700)),
				Name: fmt.Sprintf("%s%d.png", strings.Repeat("folder/", r.IntN(2)*r.IntN(30)), i)}
			switch r.IntN(8) {
			case 0:
				h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, "x", 0
			case 1:
				h.Typeflag, h.Name, h.Size = tar.TypeDir, h.Name+"/", 0
			case 2:
				if form != tar.FormatUSTAR {
					h.Name = "é" + h.Name
				}
			case 3:
				if form == tar.FormatPAX {
					h = tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "g", PAXRecords: map[string]string{"comment": h.Name}}
				}
			}
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			for range h.Size {
				b.WriteByte(byte(i))
			}
			if n := b.Len() % blockSize; h.Size > 0 && n > 0 {
				b.Write(make([]byte, blockSize-n))
			}
			w = tar.NewWriter(&b) // which has not seen that content
		}
		b.Write(make([]byte, 2*blockSize))
		for changed := range 4 {
			archive := slices.Clone(b.Bytes())
			if changed > 0 {
				archive[r.IntN(len(archive)/blockSize)*blockSize+r.IntN(blockSize)] ^= 1 << r.IntN(8)
			}
			file := filepath.Join(dir, "x.tar")
			if err := os.WriteFile(file, archive, 0o644); err != nil {
				t.Fatal(err)
			}
			want, wantErr := standard(archive)
			var got []string
			err := Each(file, func(path string, content io.Reader) error {
				all, err := io.ReadAll(content)
				got = append(got, fmt.Sprintf("%s %x", filepath.ToSlash(path[len(file)+1:]), all))
				return err
			})
			switch {
			case err != nil && (wantErr != nil || changed > 0):
				refused++
				continue // links out of the archive, names that are there twice, and others
			case err != nil || wantErr != nil || !slices.Equal(got, want):
				t.Fatalf("archive %d, change %d: %q, %v; archive/tar has %q, %v", n, changed, got, err, want, wantErr)
			}
			read++
			for _, m := range want {
				name, _, _ := strings.Cut(m, " ")
				content, err := Read(file, name, 1<<20)
				if err != nil || fmt.Sprintf("%s %x", name, content) != m {
					t.Fatalf("archive %d: %s holds %x, %v", n, name, content, err)
				}
			}
		}
	}
	if t.Logf("%d archives were read, %d refused", read, refused); read < 100 || refused == 0 {
		t.Error("too few of a kind")
	}
}
