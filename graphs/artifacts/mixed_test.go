package artifacts_test

import (
	"fmt"
	"math"
	"testing"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/graphs/graphtest"
	"fovea/onnx/ort"
)

func TestTry(t *testing.T) {
	for _, name := range goldenNames(t) {
		c := readGolden(t, name)
		run := func(f func(g *graphs.Graph)) map[string][]float32 {
			g, err := artifacts.Training(artifacts.ViT(c.Config.vit()), int64(c.Config.Batch), artifacts.Options{})
			if err != nil {
				t.Fatal(err)
			}
			f(g)
			if err := g.Err(); err != nil {
				t.Fatal(err)
			}
			return graphtest.Open(t, g, ort.Options{}).Run(c.fillFrom(t))
		}
		want := run(func(*graphs.Graph) {})
		for _, half := range []any{graphs.BFloat16, graphs.Float16} {
			half := half
			got := run(func(g *graphs.Graph) {
				if half == graphs.BFloat16 {
					g.MixEmulated(graphs.BFloat16)
				} else {
					g.MixEmulated(graphs.Float16)
				}
			})
			var sq, n float64
			worst, where := 0.0, ""
			for output, w := range want {
				var d, s float64
				for i := range w {
					e := float64(got[output][i]) - float64(w[i])
					d += e * e
					s += float64(w[i]) * float64(w[i])
				}
				r := math.Sqrt(d / s)
				if r > worst {
					worst, where = r, output
				}
				sq += r * r
				n++
			}
			fmt.Println(name, half, "rms", math.Sqrt(sq/n), "worst", worst, where, "loss", got["loss"][0]/want["loss"][0]-1)
		}
	}
}
