package artifacts_test

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/graphs/vit"
	"fovea/internal/graphtest"
)

// golden is one case of testdata, computed by PyTorch; see testdata/README.md.
type golden struct {
	Case        string
	Config      goldenConfig
	Rules       graphtest.Rules
	LossScale   float32                 `json:"loss_scale"`
	Targets     []float32               // [B,C]
	DropPath    []float32               `json:"drop_path"` // [2*depth,B]
	Inputs      []goldenInput           // images, then every parameter in PyTorch's order
	Loss        float32                 // unscaled
	LossFloat64 float64                 `json:"loss_float64"`
	Logits      []float32               // [B,C]
	Gradients   []graphtest.Description // of loss*LossScale, in PyTorch's order
}

type goldenConfig struct {
	Image, Patch, Width, Depth, Heads, Classes, Batch int
	Pool                                              vit.Pool
	FCNormTwice                                       bool `json:"fc_norm_twice"`
	LayerScale                                        bool `json:"layer_scale"`
	Registers                                         int64
	Positions                                         vit.Positions
	MLP                                               vit.MLP
	Hidden                                            int64
	Bias                                              vit.Bias
	PreNorm                                           bool `json:"pre_norm"`
	Grey                                              bool
	Epsilon                                           float32
}

// goldenInput identifies the bytes of a tensor that graphtest.Fill makes.
type goldenInput struct {
	Name       string
	Shape      []int64
	First      []float32 // up to four values
	CRC32      uint32    // IEEE, of the values as little-endian float32
	Projection float64   // graphtest.Project(Name, 0, values)
}

// goldenNames returns the cases, without directory and extension.
func goldenNames(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/vit_*.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatal("no golden in testdata: make them with tools/oracle/vit.py")
	}
	for i, p := range paths {
		paths[i] = strings.TrimSuffix(filepath.Base(p), ".json.gz")
	}
	return paths
}

func readGolden(t testing.TB, name string) *golden {
	t.Helper()
	g := new(golden)
	graphtest.ReadGolden(t, filepath.Join("testdata", name+".json.gz"), g)
	return g
}

// TestFill holds graphtest's Fill and Project against what NumPy drew, every bit of every tensor.
func TestFill(t *testing.T) {
	for _, name := range goldenNames(t) {
		t.Run(name, func(t *testing.T) {
			g := readGolden(t, name)
			for _, want := range g.Inputs {
				n := int64(1)
				for _, d := range want.Shape {
					n *= d
				}
				got := g.Rules.Draw(t, want.Name, int(n))
				if !slices.Equal(got[:len(want.First)], want.First) {
					t.Errorf("%s begins with %v, want %v", want.Name, got[:len(want.First)], want.First)
				}
				if c := checksum(got); c != want.CRC32 {
					t.Errorf("%s has CRC-32 %d, want %d", want.Name, c, want.CRC32)
				}
				// Only the order of a sum of n float64 terms differs.
				if p := graphtest.Project(want.Name, 0, got); math.Abs(p-want.Projection) > 1e-14*float64(n)*norm(got) {
					t.Errorf("%s projects to %v, want %v", want.Name, p, want.Projection)
				}
			}
		})
	}
}

// checksum returns the IEEE CRC-32 of values as little-endian float32.
func checksum(values []float32) uint32 {
	b := make([]byte, 0, 4*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return crc32.ChecksumIEEE(b)
}

// norm returns the Euclidean length of values.
func norm(values []float32) float64 {
	var sum float64
	for _, v := range values {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}
