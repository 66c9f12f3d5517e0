package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"fovea/data/augment"
)

// Images of the oracles.
const (
	oct512 = "testdata/kermany_oct_mini/test/CNV/CNV-6851127-1.jpeg"
	oct768 = "testdata/kermany_oct_mini/train/DME/DME-9583225-1.jpeg"
	scene  = golden + "/eval/scene.src.png"
	tall   = golden + "/eval/tall.src.png"
)

// TestEvalAsTorchvision: pixels after Resize and CenterCrop are equal.
func TestEvalAsTorchvision(t *testing.T) {
	for _, c := range []struct {
		source, want string
		size         int
	}{
		{scene, "scene_48.png", 48},
		{scene, "scene_97.png", 97},
		{tall, "tall_64.png", 64},
		{oct512, "oct512_64.png", 64},
		{oct768, "oct768_64.png", 64},
		{oct512, "oct512_224.png", 224},
	} {
		img, err := Decode(c.source)
		if err != nil {
			t.Fatal(err)
		}
		got, err := NewEvalTransform(c.size).crop(img)
		if err != nil {
			t.Fatal(err)
		}
		d := compare(t, got, readPNG(t, filepath.Join(golden, "eval", c.want)))
		if d != (difference{}) {
			t.Errorf("%s: %+v", c.want, d)
		}
	}
}

// TestSquashAsTimm: pixels are those of timm's crop_mode "squash", whole and with a part cut out. Neither a cache nor
// another rule with the same cache changes them.
func TestSquashAsTimm(t *testing.T) {
	file, err := os.ReadFile(filepath.Join(golden, "squash.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Source, SHA256 string
		Size           int
		Crop           float64
	}
	if err := json.Unmarshal(file, &rows); err != nil {
		t.Fatal(err)
	}
	square, err := Decode(golden + "/eval/scene_48.png")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		img := square
		if path := map[string]string{"oct512": oct512, "oct768": oct768, "scene": scene, "tall": tall}[row.Source]; path != "" {
			if img, err = Decode(path); err != nil {
				t.Fatal(err)
			}
		}
		transform := EvalTransform{Size: row.Size, Resize: Squash, CropPct: row.Crop, Std: [3]float32{1, 1, 1}}
		got, err := transform.crop(img)
		if err != nil {
			t.Fatal(err)
		}
		var rgb []byte
		for y := range got.Rect.Dy() {
			for x := range got.Rect.Dx() {
				rgb = append(rgb, got.Pix[y*got.Stride+4*x:][:3]...)
			}
		}
		if sum := sha256.Sum256(rgb); hex.EncodeToString(sum[:]) != row.SHA256 {
			t.Errorf("%s at %d pixels, crop %g: pixels differ", row.Source, row.Size, row.Crop)
		}
	}

	samples := []Sample{{Path: oct768}}
	cache, err := OpenCache(t.TempDir(), 64)
	if err != nil {
		t.Fatal(err)
	}
	rule := EvalTransform{Size: 24, CropPct: 1, Mean: ImageNetMean, Std: ImageNetStd}
	squash := rule
	squash.Resize, squash.CropPct = Squash, 0 // which is 1 too
	for _, transform := range []Transform{rule, squash, ViewsTransform{rule, Flips}, ViewsTransform{squash, Flips}} {
		if want := epochs(t, samples, transform, nil); !slices.Equal(epochs(t, samples, transform, cache), want) {
			t.Errorf("%+v: a cache changes the pixels", transform)
		}
	}
	if whole, cut := epochs(t, samples, squash, nil), epochs(t, samples, rule, nil); slices.Equal(whole, cut) {
		t.Error("both rules give the same pixels")
	}
	if err := (EvalTransform{Size: 24, Resize: "stretch", Std: [3]float32{1, 1, 1}}).Check(); err == nil {
		t.Error("an unknown rule is accepted")
	}
}

// TestNormalizeAsTorchvision: the floats are ToTensor's and Normalize's, bit for bit where the pixel is equal.
func TestNormalizeAsTorchvision(t *testing.T) {
	file, err := os.ReadFile(filepath.Join(golden, "eval", "tensor.f32"))
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, 3*48*48)
	if err := binary.Read(bytes.NewReader(file), binary.LittleEndian, want); err != nil {
		t.Fatal(err)
	}
	img, err := Decode(filepath.Join(golden, "eval", "scene_48.png"))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, len(want))
	whole := EvalTransform{Size: 48, CropPct: 1, Mean: ImageNetMean, Std: ImageNetStd}
	if err := whole.Apply(got, img, nil); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Error("the tensors differ")
	}
}

// TestSizesAsTorchvision compares the resized size and the crop's offset.
func TestSizesAsTorchvision(t *testing.T) {
	f, err := os.Open(filepath.Join(golden, "sizes.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		var v [7]int
		for i := range v {
			if v[i], err = strconv.Atoi(row[i]); err != nil {
				t.Fatal(err)
			}
		}
		e := NewEvalTransform(v[2])
		w, h := e.resizedSize(v[0], v[1])
		if w != v[3] || h != v[4] {
			t.Errorf("%d×%d for %d: %d×%d, want %d×%d", v[0], v[1], v[2], w, h, v[3], v[4])
		} else if at := e.centre(w, h).Min; at != image.Pt(v[5], v[6]) {
			t.Errorf("%d×%d for %d: cut at %v, want (%d,%d)", w, h, v[2], at, v[5], v[6])
		}
	}
}

func TestTransformChecks(t *testing.T) {
	train := func(change func(*TrainTransform)) Transform {
		tr := NewTrainTransform(32)
		change(&tr)
		return tr
	}
	eval := NewEvalTransform(32)
	eval.CropPct = 1.5
	for name, tr := range map[string]Transform{
		"size":              train(func(t *TrainTransform) { t.Size = 0 }),
		"scale":             train(func(t *TrainTransform) { t.Scale = [2]float64{0.5, 0.1} }),
		"ratio":             train(func(t *TrainTransform) { t.Ratio = [2]float64{0, 1} }),
		"flip":              train(func(t *TrainTransform) { t.HorizontalFlip = 2 }),
		"shift":             train(func(t *TrainTransform) { t.Shift = math.NaN() }),
		"std":               train(func(t *TrainTransform) { t.Std[1] = 0 }),
		"jitter":            train(func(t *TrainTransform) { t.ColorJitter = -1 }),
		"policy and jitter": train(func(t *TrainTransform) { t.Policy, t.ColorJitter = &augment.Policy{}, 0.4 }),
		"erase":             train(func(t *TrainTransform) { t.Erase.Probability = 1.5 }),
		"erase count":       train(func(t *TrainTransform) { t.Erase = augment.Eraser{Probability: 1, Mode: "pixel"} }),
		"erase mode":        train(func(t *TrainTransform) { t.Erase = augment.Eraser{Probability: 1, Count: 1} }),
		"crop":              eval,
	} {
		if err := tr.Check(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, tr := range []Transform{NewTrainTransform(32), NewEvalTransform(32)} {
		if err := tr.Check(); err != nil {
			t.Error(err)
		}
	}
	strip := image.NewNRGBA(image.Rect(0, 0, 100_000, 1))
	if err := NewEvalTransform(224).Apply(make([]float32, 3*224*224), strip, nil); err == nil {
		t.Error("a strip that would need 26 GB is not refused")
	}
}
