package data

import (
	"encoding/binary"
	"hash/crc32"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type orderGolden struct {
	Orders []struct {
		Epoch, N int
		First    []int
		CRC32    uint32 `json:"crc32"` // of all as little-endian uint32
	}
	Counts  []int // samples by class
	Subsets []struct {
		Ratio      float64
		Stratified bool
		Seed       uint64
		Indices    []int
	}
}

func readOrders(t *testing.T) (g orderGolden) {
	t.Helper()
	readJSON(t, "order.json", &g)
	return g
}

// TestDistributedAsPyTorch compares with DistributedSampler, every position.
func TestDistributedAsPyTorch(t *testing.T) {
	for _, want := range readOrders(t).Orders {
		order := Distributed(want.N, false)(want.Epoch)
		var bytes []byte
		for _, i := range order {
			bytes = binary.LittleEndian.AppendUint32(bytes, uint32(i))
		}
		if !slices.Equal(order[:len(want.First)], want.First) || crc32.ChecksumIEEE(bytes) != want.CRC32 {
			t.Errorf("%d samples, epoch %d: the order begins with %v, want %v", want.N, want.Epoch,
				order[:len(want.First)], want.First)
		}
		if first := Distributed(want.N, false)(0); !slices.Equal(Distributed(want.N, true)(want.Epoch), first) {
			t.Errorf("%d samples: the fixed order is not that of epoch 0", want.N)
		}
	}
}

// labelled makes samples with as many of each class as counts says.
func labelled(counts []int) []Sample {
	var samples []Sample
	for class, n := range counts {
		for range n {
			samples = append(samples, Sample{Path: string(rune('0' + len(samples))), Class: class})
		}
	}
	return samples
}

func TestSubsetAsRETFound(t *testing.T) {
	golden := readOrders(t)
	samples := labelled(golden.Counts)
	for _, want := range golden.Subsets {
		c := SubsetConfig{Ratio: want.Ratio, Stratified: want.Stratified, Seed: want.Seed, Torch: true}
		got := Subset(samples, c)
		var expected []Sample
		for _, i := range want.Indices {
			expected = append(expected, samples[i])
		}
		if !slices.Equal(got, expected) {
			t.Errorf("%+v: got %v, want %v", c, got, expected)
		}
		// Ours is as large, of each class if stratified, and another.
		c.Torch = false
		ours := Subset(samples, c)
		if want, got := classCounts(expected, 5), classCounts(ours, 5); len(ours) != len(expected) ||
			c.Stratified && !slices.Equal(got, want) {
			t.Errorf("%+v: ours has %v of each class, want %v", c, got, want)
		}
		if !slices.Equal(ours, Subset(samples, c)) {
			t.Errorf("%+v: a second draw differs", c)
		}
		distinct := map[string]bool{}
		for _, s := range ours {
			distinct[s.Path] = true
		}
		if len(distinct) != len(ours) {
			t.Errorf("%+v: a sample is there twice", c)
		}
	}
	if got := Subset(samples, SubsetConfig{Ratio: 1, Stratified: true}); !slices.Equal(got, samples) {
		t.Error("ratio 1 changes the samples")
	}
}

func classCounts(samples []Sample, classes int) []int {
	counts := make([]int, classes)
	for _, s := range samples {
		counts[s.Class]++
	}
	return counts
}

// TestBalanced: classes are uniform however many samples they have, samples within a class too, and an epoch is the
// same when asked for again.
func TestBalanced(t *testing.T) {
	samples := labelled([]int{2, 10, 0, 88})
	order := Balanced(samples, 7)
	byClass, bySample := make([]int, 4), make([]int, len(samples))
	for epoch := range 300 {
		indices := order(epoch)
		if len(indices) != len(samples) {
			t.Fatalf("%d samples", len(indices))
		}
		for _, i := range indices {
			byClass[samples[i].Class]++
			bySample[i]++
		}
	}
	if byClass[2] != 0 {
		t.Error("a class without samples was drawn")
	}
	for what, counts := range map[string][]int{
		"classes": {byClass[0], byClass[1], byClass[3]}, "first class": bySample[:2],
		"second": bySample[2:12], "last": bySample[12:],
	} {
		total := 0
		for _, n := range counts {
			total += n
		}
		if p := uniformity(counts, total); p < 0.001 {
			t.Errorf("%s: %v is not uniform, p = %g", what, counts, p)
		}
	}
	if !slices.Equal(order(3), Balanced(samples, 7)(3)) || slices.Equal(order(3), order(4)) ||
		slices.Equal(order(3), Balanced(samples, 8)(3)) {
		t.Error("the order does not follow from seed and epoch alone")
	}
}

// TestRepeatedSamplesDiffer: a sample that an epoch has twice is augmented in two ways, the first time as without
// repetition; and an epoch may begin at any batch.
func TestRepeatedSamplesDiffer(t *testing.T) {
	samples := trainSamples(t, "testdata/retinamnist")[:6]
	config := LoaderConfig{Samples: samples, Batch: 2, Seed: 3, Transform: augmented(20)}
	plain, _, _ := collect(t, newLoader(t, config).Epoch(t.Context(), 5, 0))
	config.Order = func(int) []int { return []int{4, 1, 4, 4, 1, 0} }
	images, labels, indices := collect(t, newLoader(t, config).Epoch(t.Context(), 5, 0))
	size := len(images) / 6
	image := func(i int) []float32 { return images[i*size : (i+1)*size] }
	if !slices.Equal(indices, config.Order(5)) || labels[2] != samples[4].Class {
		t.Errorf("indices %v", indices)
	}
	for i, index := range indices[:2] {
		if !slices.Equal(image(i), plain[index*size:(index+1)*size]) {
			t.Errorf("sample %d is not augmented as usual", index)
		}
	}
	if slices.Equal(image(0), image(2)) || slices.Equal(image(2), image(3)) || slices.Equal(image(1), image(4)) {
		t.Error("a sample is augmented twice in the same way")
	}
	rest, _, _ := collect(t, newLoader(t, config).Epoch(t.Context(), 5, 1))
	if !slices.Equal(rest, images[2*size:]) {
		t.Error("from the second batch on the epoch differs")
	}
}

func TestTensors(t *testing.T) {
	tensors := []float32{0, 1, 10, 11, 20, 21}
	config := LoaderConfig{Samples: labelled([]int{1, 2}), Batch: 2, Tensors: tensors,
		Order: func(int) []int { return []int{2, 0, 1} }}
	values, labels, _ := collect(t, newLoader(t, config).Epoch(t.Context(), 0, 0))
	if !slices.Equal(values, []float32{20, 21, 0, 1, 10, 11}) || !slices.Equal(labels, []int{1, 0, 1}) {
		t.Errorf("values %v, labels %v", values, labels)
	}
	config.Tensors = tensors[:5]
	if _, err := NewLoader(config); err == nil {
		t.Error("5 values of 3 samples are accepted")
	}
	config.Tensors, config.Transform = tensors, NewEvalTransform(8)
	if _, err := NewLoader(config); err == nil {
		t.Error("a transform beside tensors is accepted")
	}
}

// TestSplitNumbered: torchvision's ImageFolder numbers each split by itself.
func TestSplitNumbered(t *testing.T) {
	dir := t.TempDir()
	touch(t, dir, "train/a/1.png", "train/b/1.png", "train/c/1.png", "val/a/1.png", "val/c/1.png",
		"test/a/1.png", "test/b/1.png", "test/c/1.png")
	if _, err := Open(dir); err == nil {
		t.Error("Open accepts splits with other classes")
	}
	d, shifts, err := OpenSplitNumbered(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := []Shift{{filepath.Join(dir, "val"), "c", "b"}}; !slices.Equal(shifts, want) {
		t.Errorf("shifts %v, want %v", shifts, want)
	}
	if s := d.Val.Samples; len(s) != 2 || s[0].Class != 0 || s[1].Class != 1 {
		t.Errorf("val has %v", s)
	}
	for _, s := range []*Split{d.Train, d.Val, d.Test} {
		if !slices.Equal(s.Classes, []string{"a", "b", "c"}) {
			t.Errorf("%s has the classes %v", s.Dir, s.Classes)
		}
	}
	touch(t, dir, "test/d/1.png")
	if _, _, err := OpenSplitNumbered(dir); err == nil || !strings.Contains(err.Error(), `"d"`) {
		t.Errorf("one class too many: %v", err)
	}
}
