package autodiff_test

import (
	"math/rand/v2"
	"testing"

	"fovea/graphs"
	"fovea/graphs/autodiff"
)

// growing lists functions of tensors with an axis of n elements.
func growing(n int64) []ruleCase {
	signal := [][]int64{{1, 1, n}}
	lines := func(name, op string, a graphs.Attributes, result int64,
		constants ...func(g *graphs.Graph) *value) ruleCase {
		return applied(op+" "+name, op, -0.5, signal, a, []int64{1, 1, result}, constants...)
	}
	line := func(mode string, before, after int64) ruleCase {
		return lines(mode, "Pad", graphs.Attributes{"mode": mode}, n+before+after,
			integers([]int64{6}, 0, 0, before, 0, 0, after))
	}
	resize := func(name string, to int64, a graphs.Attributes) ruleCase {
		return resized(name+" of a long axis", a, []int64{1, 1, 1, n}, []int64{1, 1, 1, to})
	}
	scales := func(g *graphs.Graph) *value { return g.Floats([]float32{1, 1, 1.5}, 3) }
	pool := func(name string, a graphs.Attributes) ruleCase {
		return lines(name, "AveragePool", graphs.Attributes{"kernel_shape": []int64{4}, "strides": []int64{3},
			"ceil_mode": int64(1), "pads": []int64{1, 2}, "count_include_pad": a["count_include_pad"]}, (n+3-4+2)/3+1)
	}
	inverse := graphs.Attributes{"inverse": int64(1)}
	return []ruleCase{
		line("reflect", n/4, n/3), line("edge", n/4, n/3), line("wrap", n/4, n/3), line("reflect", 0, n/3),
		line("reflect", -n/4, n/3), line("edge", n/4, -2), line("constant", -n/4, 5),
		resize("linear", 2*n, graphs.Attributes{"mode": "linear"}),
		resize("nearest", 2*n+1, graphs.Attributes{"mode": "nearest"}),
		resize("cubic", n/2, graphs.Attributes{"mode": "cubic"}),
		resize("cubic, antialias", n/3, graphs.Attributes{"mode": "cubic", "antialias": int64(1),
			"exclude_outside": int64(1)}),
		resize("linear, antialias", n/5, graphs.Attributes{"mode": "linear", "antialias": int64(1)}),
		resize("align_corners", 2*n, graphs.Attributes{"mode": "linear",
			"coordinate_transformation_mode": "align_corners"}),
		lines("asymmetric by scale", "Resize", graphs.Attributes{"mode": "linear",
			"coordinate_transformation_mode": "asymmetric"}, n*3/2, absent, scales),
		applied("Resize of both axes", "Resize", -0.5, [][]int64{{1, 2, n, 2}}, graphs.Attributes{"mode": "linear",
			"axes": []int64{2, 3}, "keep_aspect_ratio_policy": "not_larger"}, []int64{1, 2, 2 * n, 4}, absent, absent,
			integers([]int64{2}, 2*n, 5)),
		pool("ceil", graphs.Attributes{"count_include_pad": int64(0)}),
		pool("ceil, with padding", graphs.Attributes{"count_include_pad": int64(1)}),
		applied("LRN", "LRN", -0.5, [][]int64{{2, n, 3, 1}}, graphs.Attributes{"size": int64(5), "alpha": float32(0.5)},
			[]int64{2, n, 3, 1}),
		applied("DFT", "DFT", -0.5, [][]int64{{1, n, 2}}, nil, []int64{1, n, 2}, absent, number(1)),
		applied("DFT inverse", "DFT", -0.5, [][]int64{{1, n, 2}}, inverse, []int64{1, n, 2}, absent, number(1)),
		applied("DFT of real numbers", "DFT", -0.5, [][]int64{{1, n, 1}}, graphs.Attributes{"onesided": int64(1)},
			[]int64{1, n/2 + 1, 2}, absent, number(1)),
		applied("STFT", "STFT", -0.5, [][]int64{{1, n}}, nil, []int64{1, (n-16)/8 + 1, 9, 2}, number(8), absent, number(16)),
		transposed("of single elements", []int64{1, 3, n}, []int64{3, 2, 1}, []int64{1, 2, 2*n - 1},
			graphs.Attributes{"strides": []int64{2}}),
		convolution("Conv", []int64{1, 2, n}, []int64{3, 2, 5}, graphs.Attributes{"strides": []int64{2}}),
		lines("max", "MaxPool", graphs.Attributes{"kernel_shape": []int64{2}, "strides": []int64{2}}, n/2),
		lines("p", "LpPool", graphs.Attributes{"kernel_shape": []int64{2}, "strides": []int64{2}}, n/2),
		lines("sums", "CumSum", nil, n, number(2)),
		lines("of copies", "Tile", nil, 2*n, integers([]int64{3}, 1, 1, 2)),
		lines("backwards", "Gather", graphs.Attributes{"axis": int64(2)}, 3, integers([]int64{3}, 5, 3, 4)),
		applied("Slice", "Slice", -0.5, signal, nil, []int64{1, 1, n / 4}, integers([]int64{1}, 0),
			integers([]int64{1}, n/4*4), integers([]int64{1}, 2), integers([]int64{1}, 4)),
		lines("of all", "Softmax", nil, n),
		applied("GridSample", "GridSample", -0.5, [][]int64{{1, 2, n, 1}, {1, n, 1, 2}}, nil, []int64{1, 2, n, 1}),
		einsum("bi,bi->b", []int64{2}, []int64{2, n}, []int64{2, n}),
	}
}

// TestLongAxes: the gradients along a long axis agree with finite differences.
func TestLongAxes(t *testing.T) {
	for i, c := range growing(301) {
		switch c.name {
		case "MaxPool max", "GridSample": // their kinks are close to each other
		default:
			t.Run(c.name, func(t *testing.T) { check(t, c, rand.New(rand.NewPCG(2, uint64(i)))) })
		}
	}
}

// TestGrowth: on an axis four times as long, gradients need about four times the memory, constants included.
func TestGrowth(t *testing.T) {
	const n = 1 << 12
	small, large := growing(n), growing(4*n)
	for i, c := range small {
		t.Run(c.name, func(t *testing.T) {
			before, after := bytesOf(t, c), bytesOf(t, large[i])
			if ratio := float64(after) / float64(before); ratio > 4.5 {
				t.Errorf("the gradient needs %d bytes at %d elements and %.1f times as much at %d", before, n, ratio, 4*n)
			}
		})
	}
}

// bytesOf returns the memory of all constants and results of the nodes of a gradient, before and after the changes for
// a CPU.
func bytesOf(t *testing.T, c ruleCase) (sum int64) {
	g, inputs := declare(c)
	y := c.build(g, inputs)[0]
	gradients, err := autodiff.Backward(g, map[*value]*value{y: g.Input("c", graphs.Float32, y.Shape...)}, inputs)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range gradients {
		g.Output(name("g", i), v)
	}
	g.RemoveDead()
	g.Fold()
	g.ForCPU()
	counted := map[*value]bool{}
	for _, n := range g.Nodes {
		for _, list := range [][]*value{n.Inputs, n.Outputs} {
			for _, v := range list {
				if !counted[v] {
					counted[v] = true
					sum += v.Bytes()
				}
			}
		}
	}
	return sum
}
