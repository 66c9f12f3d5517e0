package augment

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

func readJSON(t testing.TB, name string, into any) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(file, into); err != nil {
		t.Fatal(err)
	}
}

// sameDistribution returns the p-value of the two-sample chi-square test for two histograms, whose numbers of draws may
// differ.
func sameDistribution(a, b []int) float64 {
	var na, nb float64
	for i := range a {
		na += float64(a[i])
		nb += float64(b[i])
	}
	sum, bins := 0.0, 0
	for i := range a {
		if n := float64(a[i] + b[i]); n > 0 {
			ea, eb := n*na/(na+nb), n*nb/(na+nb)
			da, db := float64(a[i])-ea, float64(b[i])-eb
			if ea > 0 && eb > 0 {
				sum += da*da/ea + db*db/eb
			}
			bins++
		}
	}
	if bins < 2 {
		return 1
	}
	return distuv.ChiSquared{K: float64(bins - 1)}.Survival(sum)
}
