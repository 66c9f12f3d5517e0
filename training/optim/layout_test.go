package optim

import (
	"math"
	"slices"
	"strings"
	"testing"

	"fovea/graphs/vit"
)

// tensors alternates names and shapes.
func tensors(list ...any) (out []Tensor) {
	for i := 0; i < len(list); i += 2 {
		out = append(out, Tensor{Name: list[i].(string), Shape: list[i+1].([]int64)})
	}
	return out
}

func TestLayout(t *testing.T) {
	l, err := NewLayout(tensors("a", []int64{3, 5}, "b", []int64{16}, "c", []int64(nil), "d", []int64{17}),
		Decay{Layer: 1, Weight: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	arena := make([]float32, l.Size)
	if l.Size != 16+16+16+32 {
		t.Errorf("size %d, want 80", l.Size)
	}
	for i, want := range []struct{ offset, size int }{{0, 15}, {16, 16}, {32, 1}, {48, 17}} {
		p := l.Params[i]
		if p.Offset != want.offset || p.Size != want.size {
			t.Errorf("%s: %d elements at %d, want %d at %d", p.Name, p.Size, p.Offset, want.size, want.offset)
		}
		view := l.View(arena, p.Name)
		if len(view) != want.size || cap(view) != want.size || &view[0] != &arena[want.offset] {
			t.Errorf("%s: view of %d elements, capacity %d, at the wrong place or of the wrong size", p.Name,
				len(view), cap(view))
		}
	}
	if l.View(arena, "e") != nil {
		t.Error("view of an unknown parameter is not nil")
	}
}

func TestLayoutErrors(t *testing.T) {
	for _, c := range []struct {
		tensors []Tensor
		want    string
	}{
		{tensors("a", []int64{2}, "a", []int64{3}), `"a" occurs twice`},
		{tensors("a", []int64{2}, "", []int64{3}), "parameter 1 has no name"},
		{tensors("a", []int64{2, -1}), `"a" has shape [2 -1]`},
		{tensors("a", []int64{0}), `"a" has shape [0]`},
	} {
		_, err := NewLayout(c.tensors, Decay{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want one with %q", c.tensors, err, c.want)
		}
	}
}

// TestGroupsOfViTLarge compares every parameter of ViT-L/16 and of DINOv2's ViT-L/14 with RETFound's lr_decay.py: 26
// layers, 52 groups.
func TestGroupsOfViTLarge(t *testing.T) {
	t.Run("vit_large_patch16", func(t *testing.T) { checkGroups(t, "groups.json", 303_306_757) })
	t.Run("vit_large_patch14_dinov2", func(t *testing.T) { checkGroups(t, "groups_dinov2.json", 303_233_029) })
}

func checkGroups(t *testing.T, file string, wantElements int) {
	var golden struct {
		Depth       int
		LayerDecay  float64 `json:"layer_decay"`
		WeightDecay float64 `json:"weight_decay"`
		Groups      []struct {
			LRScale     float64 `json:"lr_scale"`
			WeightDecay float64 `json:"weight_decay"`
		}
		Params []struct {
			Tensor
			Group int
		}
	}
	readJSON(t, file, &golden)
	tensors := make([]Tensor, len(golden.Params))
	for i, p := range golden.Params {
		tensors[i] = ofViT(p.Name, p.Shape, golden.Depth)
	}
	l, err := NewLayout(tensors, Decay{golden.LayerDecay, golden.WeightDecay})
	if err != nil {
		t.Fatal(err)
	}
	type pair struct{ scale, decay float64 }
	distinct := map[pair]bool{}
	elements := 0
	for i, p := range l.Params {
		want := golden.Groups[golden.Params[i].Group]
		if math.Abs(p.LRScale-want.LRScale) > 1e-14*want.LRScale || p.WeightDecay != want.WeightDecay {
			t.Errorf("%s: scale %v, decay %v; want %v, %v", p.Name, p.LRScale, p.WeightDecay, want.LRScale,
				want.WeightDecay)
		}
		distinct[pair{p.LRScale, p.WeightDecay}] = true
		elements += p.Size
	}
	if len(distinct) != 52 || elements != wantElements {
		t.Errorf("%d groups, %d elements; want 52, %d", len(distinct), elements, wantElements)
	}

	// The ranges cover the arena, and each parameter lies in one that has its values.
	groups, next, k := l.Groups(), 0, 0
	for i, g := range groups {
		if g.Start != next || g.End <= g.Start || g.Start%alignment != 0 || g.End%alignment != 0 {
			t.Errorf("range %d is %d to %d, want a start at %d", i, g.Start, g.End, next)
		}
		if i > 0 && g.LRScale == groups[i-1].LRScale && g.WeightDecay == groups[i-1].WeightDecay {
			t.Errorf("ranges %d and %d have the same values", i-1, i)
		}
		for ; k < len(l.Params) && l.Params[k].Offset < g.End; k++ {
			p := l.Params[k]
			if p.Offset+p.Size > g.End || p.LRScale != g.LRScale || p.WeightDecay != g.WeightDecay {
				t.Errorf("%s does not belong in range %d", p.Name, i)
			}
		}
		next = g.End
	}
	if next != l.Size || k != len(l.Params) {
		t.Errorf("ranges end at %d after %d parameters, want %d, %d", next, k, l.Size, len(l.Params))
	}
}

// TestFreeze: what is frozen lies in no group, and the rest in groups as before.
func TestFreeze(t *testing.T) {
	list := tensors("pos_embed", []int64{1, 3, 5}, "blocks.0.fc.weight", []int64{4, 5}, "blocks.0.fc.bias", []int64{4},
		"blocks.1.fc.weight", []int64{5, 5}, "blocks.1.fc.bias", []int64{5}, "head.weight", []int64{2, 5})
	for i, x := range list {
		list[i] = ofViT(x.Name, x.Shape, 2)
	}
	for freeze, from := range map[int]int{0: 0, 1: 1, 2: 3, 3: 5, 4: 6} { // layers, parameters
		l, err := NewLayout(list, Decay{Layer: 0.5, Weight: 0.05})
		if err != nil {
			t.Fatal(err)
		}
		all := l.Groups()
		l.Freeze(func(p Param) bool { return p.Layer < freeze })
		start := l.Size
		if from < len(l.Params) {
			start = l.Params[from].Offset
		}
		if l.TrainedFrom() != start {
			t.Errorf("freeze %d: trained from %d, want %d", freeze, l.TrainedFrom(), start)
		}
		var want []Group
		for _, g := range all {
			if g.Start >= start {
				want = append(want, g)
			}
		}
		if got := l.Groups(); !slices.Equal(got, want) {
			t.Errorf("freeze %d: groups %v, want %v", freeze, got, want)
		}
	}

	// A frozen parameter between two of the same kind divides their group.
	l, err := NewLayout(tensors("a", []int64{3}, "b", []int64{3}, "c", []int64{3}), Decay{Layer: 1})
	if err != nil {
		t.Fatal(err)
	}
	l.Freeze(func(p Param) bool { return p.Name == "b" })
	if got, want := l.Groups(), []Group{{0, 16, 1, 0}, {32, 48, 1, 0}}; !slices.Equal(got, want) {
		t.Errorf("groups %v, want %v", got, want)
	}
}

// ofViT is a parameter of a ViT as package models gives it to a layout.
func ofViT(name string, shape []int64, depth int) Tensor {
	return Tensor{Name: name, Shape: shape, Layer: vit.Layer(name, depth), Decay: vit.Decays(name, shape)}
}

// TestFrozenFirst: frozen parameters move to the front, and groups of the others follow one another.
func TestFrozenFirst(t *testing.T) {
	var tensors []Tensor
	for i := range 6 {
		tensors = append(tensors, Tensor{Name: string(rune('a' + i)), Shape: []int64{int64(10 * (i + 1))}})
	}
	l, err := NewLayout(tensors, Decay{Layer: 1})
	if err != nil {
		t.Fatal(err)
	}
	size := l.Size
	l.Freeze(func(p Param) bool { return p.Name == "b" || p.Name == "e" })
	l.FrozenFirst()
	var starts []int
	for _, p := range l.Params {
		starts = append(starts, p.Offset)
	}
	if want := []int{96, 0, 112, 144, 32, 192}; !slices.Equal(starts, want) || l.Size != size || l.TrainedFrom() != 96 {
		t.Errorf("parameters begin at %v of %d, those that are trained at %d, want %v", starts, l.Size, l.TrainedFrom(), want)
	}
	if g := l.Groups(); len(g) != 1 || g[0].Start != 96 || g[0].End != size {
		t.Errorf("the groups are %+v", g)
	}
	if p := l.Trained().Params; len(p) != 4 || p[1].Name != "c" || p[1].Offset != 112 {
		t.Errorf("trained are %+v", p)
	}
}
