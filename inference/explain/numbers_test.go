package explain

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"testing"
)

// TestNumbers compares resizing, rank correlation, principal components and the file format with PyTorch, SciPy,
// scikit-learn and NumPy: tools/oracle/explain.py.
func TestNumbers(t *testing.T) {
	var golden struct {
		A, B, Enlarged, Rows []float32
		Rho                  float64
		Components, Shares   []float64
		NPY                  []byte
	}
	content, err := os.ReadFile("testdata/numbers.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &golden); err != nil {
		t.Fatal(err)
	}
	compare(t, "enlarged", enlarge(golden.A, 3, 4, 7), golden.Enlarged, 1e-6)
	a, b := Map{Shape: []int{3, 4}, Values: golden.A}, Map{Shape: []int{3, 4}, Values: golden.B}
	if rho := RankCorrelation(a, b); math.Abs(rho-golden.Rho) > 1e-12 {
		t.Errorf("the rank correlation is %v, want %v", rho, golden.Rho)
	}
	var file bytes.Buffer
	if err := writeNPY(&file, a.Shape, a.Values); err != nil || !bytes.Equal(file.Bytes(), golden.NPY) {
		t.Errorf("the file is %q, want %q: %v", file.Bytes(), golden.NPY, err)
	}

	s := newSample(12, 5)
	for i := range 12 {
		s.add(golden.Rows[5*i:5*i+5], "")
	}
	points, shares, err := s.components()
	if err != nil || len(points) != 12 {
		t.Fatalf("%d points: %v", len(points), err)
	}
	for axis := range 2 {
		if e := math.Abs(shares[axis] - golden.Shares[axis]); e > 1e-12 {
			t.Errorf("component %d explains %v of the variance, want %v", axis, shares[axis], golden.Shares[axis])
		}
		sign := 1.0 // of a component is arbitrary
		for i, p := range points {
			got, want := []float64{p.X, p.Y}[axis], golden.Components[2*i+axis]
			if i == 0 && got*want < 0 {
				sign = -1
			}
			if math.Abs(sign*got-want) > 1e-12 {
				t.Errorf("row %d has component %d %v, want %v", i, axis, sign*got, want)
			}
		}
	}
}

// TestSample: what is kept of many rows is spread over all of them.
func TestSample(t *testing.T) {
	const total = 3*mostSampled + 7
	s := newSample(total, 1)
	for i := range total {
		s.add([]float32{float32(i)}, "")
	}
	if len(s.labels) != mostSampled {
		t.Fatalf("%d rows are kept, want %d", len(s.labels), mostSampled)
	}
	for i := 1; i < len(s.values); i++ {
		if d := s.values[i] - s.values[i-1]; d < 3 || d > 4 {
			t.Fatalf("rows %v and %v follow one another", s.values[i-1], s.values[i])
		}
	}
}

func TestHeat(t *testing.T) {
	values := []float32{1, -2, 3, 4, -5, 6, -7, 8, 9, 10, -11, 12}
	for method, want := range map[Method][]float32{Gradient: {9, 10, 11, 12}, Integrated: {5, 14, -15, 24}} {
		heat, h, w := Map{Method: method, Shape: []int{3, 2, 2}, Values: values}.Heat()
		if h != 2 || w != 2 {
			t.Errorf("%s is %d×%d", method, h, w)
		}
		compare(t, string(method), heat, want, 0)
	}
}
