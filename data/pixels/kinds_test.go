package pixels

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKinds compares files of every format, depth, colour model, compression and tag with Pillow, pixel by pixel. Those
// that are not read have an error that names the kind and the way out. tools/oracle/image_kinds.py made them.
func TestKinds(t *testing.T) {
	const folder = "testdata/kinds"
	f, err := os.Open(filepath.Join(folder, "pixels.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 400 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	noteNames := map[string]Notes{"turned": Turned, "dark": Dark, "damaged": Damaged, "incomplete": Incomplete,
		"pages": Pages}
	type count struct{ read, refused int }
	groups := map[string]count{}
	for _, row := range rows[1:] {
		name, group, want := row[0], row[1], row[4]
		t.Run(name, func(t *testing.T) {
			file, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			n := groups[group]
			defer func() { groups[group] = n }()
			img, notes, err := Decode(file, Options{})
			if want == "refused" {
				n.refused++
				isNamed := err != nil && (strings.Contains(err.Error(), "which is not read: ") ||
					strings.Contains(err.Error(), "lacks its quantization table"))
				if !isNamed {
					t.Errorf("the error is %v", err)
				}
				return
			}
			n.read++
			if err != nil {
				t.Fatal(err)
			}
			if size := fmt.Sprint(img.Rect.Dx(), img.Rect.Dy()); size != row[2]+" "+row[3] {
				t.Errorf("the size is %s, want %s×%s", size, row[2], row[3])
			}
			rgb := make([]byte, 0, len(img.Pix)/4*3)
			for i := 0; i < len(img.Pix); i += 4 {
				rgb = append(rgb, img.Pix[i:i+3]...)
			}
			if sum := sha256.Sum256(rgb); hex.EncodeToString(sum[:]) != want {
				t.Errorf("the pixels differ, %v", img.Rect)
			}
			wanted := Notes(0)
			for note := range strings.FieldsSeq(row[5]) {
				wanted |= noteNames[note]
			}
			if notes != wanted {
				t.Errorf("notes %05b, want %05b", notes, wanted)
			}
		})
	}
	for group, n := range groups {
		t.Logf("%-18s %3d read as Pillow, %2d refused by name", group, n.read, n.refused)
	}
}
