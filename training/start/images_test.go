package start

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"fovea/data"
)

// Mean and standard deviation are those that numpy computes over all pixels (tools/oracle/colours.py), or near them where
// only some images are looked at.
func TestLook(t *testing.T) {
	text, err := os.ReadFile("testdata/colours.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct {
		Images    int
		Mean, Std [3]float64
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	for name, w := range want {
		s, err := data.OpenSplit("../../data/testdata/" + name + "/train")
		if err != nil {
			t.Fatal(err)
		}
		got, err := look(t.Context(), s, nil)
		if err != nil {
			t.Fatal(err)
		}
		near := 1e-9
		if w.Images > got.images {
			near = 0.02
		}
		for c := range 3 {
			if math.Abs(got.mean[c]-w.Mean[c]) > near || math.Abs(got.std[c]-w.Std[c]) > near {
				t.Errorf("%s: mean %v, std %v, want %v, %v", name, got.mean, got.std, w.Mean, w.Std)
				break
			}
		}
		if got.grey != (name == "kermany_oct_mini") {
			t.Errorf("%s: grey %v", name, got.grey)
		}
	}
}

func TestCandidates(t *testing.T) {
	for _, x := range []struct {
		side int
		gpu  bool
		want int // size of the largest
	}{{17, false, 16}, {28, false, 28}, {63, false, 60}, {64, false, 64}, {200, false, 160}, {2000, false, 224}, {2000, true, 224}} {
		models := candidates(x.side, x.gpu)
		if last := models[len(models)-1]; last.size != x.want {
			t.Errorf("%d pixels: %+v", x.side, last)
		}
		for i, m := range models {
			if m.size%m.dimensions().Patch != 0 || i > 0 && m.effort() <= models[i-1].effort() {
				t.Errorf("%d pixels: model %d: %+v", x.side, i, m)
			}
		}
	}
}
