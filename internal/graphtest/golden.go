package graphtest

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// ReadGolden reads a .json.gz file that an oracle wrote.
func ReadGolden(t testing.TB, path string, golden any) {
	t.Helper()
	if err := json.Unmarshal(Unzip(t, path), golden); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// Unzip returns the content of a .gz file.
func Unzip(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return content
}

// Rules say how the tensors of a model are drawn. The first rule whose suffix ends a tensor's name applies.
type Rules []struct {
	Suffix         string
	Center, Spread float32
}

// Draw draws a tensor of n values.
func (r Rules) Draw(t testing.TB, name string, n int) []float32 {
	t.Helper()
	for _, rule := range r {
		if strings.HasSuffix(name, rule.Suffix) {
			return Fill(name, n, rule.Center, rule.Spread)
		}
	}
	t.Fatalf("no rule draws %q", name)
	return nil
}

// A Description holds the size of a tensor, random projections of all of it and some entries, as a golden file keeps
// them.
type Description struct {
	Name        string
	Shape       []int64
	Max         float32 // largest magnitude
	L2, Sum     float64
	Noise       float64   // largest difference between PyTorch's float32 and float64, as a part of Max
	Projections []float64 // Project(Name, k, tensor)
	Positions   []int     // ascending, in the flat tensor; of a small tensor all
	Values      []float32
}

// Compare returns the largest difference between the entries and x, as a part of Max. It returns an error if that is
// above the tolerance, or if a projection is off by more than that part of L2. Projections also see the entries that
// are not kept.
func (d Description) Compare(x []float32, tolerance float64) (worst float64, err error) {
	if n := len(x); n == 0 || n <= slices.Max(d.Positions) {
		return 0, fmt.Errorf("%s has %d entries, it is of shape %v", d.Name, n, d.Shape)
	}
	for i, position := range d.Positions {
		e := math.Abs(float64(x[position]-d.Values[i])) / float64(d.Max)
		if worst = max(worst, e); !(e <= tolerance) && err == nil {
			err = fmt.Errorf("%s: entry %d is %v, want %v, %.1e of the largest off", d.Name, position, x[position],
				d.Values[i], e)
		}
	}
	for k, want := range d.Projections {
		if e := math.Abs(Project(d.Name, k, x)-want) / d.L2; !(e <= tolerance) && err == nil {
			err = fmt.Errorf("%s: projection %d is off by %.1e of the length", d.Name, k, e)
		}
	}
	return worst, err
}
