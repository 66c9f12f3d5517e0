package training_test

import (
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/evaluation"
	"fovea/training"
	"fovea/training/config"
)

var grades = []string{"anodr", "bmilddr", "cmoderatedr", "dseveredr", "eproliferativedr"}

// benchmarks are RETFound's data sets as they are downloaded: the config's name,
// the folder, and the folders of the classes.
var benchmarks = []struct {
	name, folder string
	classes      []string
}{
	{"octid", "OCTID", []string{"ANormal", "ARMD", "CSR", "Diabetic_retinopathy", "Macular_Hole"}},
	{"retina", "Retina", []string{"anormal", "bcataract", "cglaucoma", "ddretina_disease"}},
	{"aptos2019", "APTOS2019", grades},
	{"jsiec", "JSIEC", []string{"0.0.Normal", "0.1.Tessellated fundus", "0.2.Large optic cup", "0.3.DR1", "1.0.DR2", "1.1.DR3",
		"10.0.Possible glaucoma", "10.1.Optic atrophy", "11.Severe hypertensive retinopathy",
		"12.Disc swelling and elevation", "13.Dragged Disc", "14.Congenital disc abnormality", "15.0.Retinitis pigmentosa",
		"15.1.Bietti crystalline dystrophy", "16.Peripheral retinal degeneration and break", "17.Myelinated nerve fiber",
		"18.Vitreous particles", "19.Fundus neoplasm", "2.0.BRVO", "2.1.CRVO", "20.Massive hard exudates",
		"21.Yellow-white spots-flecks", "22.Cotton-wool spots", "23.Vessel tortuosity",
		"24.Chorioretinal atrophy-coloboma", "25.Preretinal hemorrhage", "26.Fibrosis", "27.Laser Spots",
		"28.Silicon oil in eye", "29.0.Blur fundus without PDR", "29.1.Blur fundus with suspected PDR", "3.RAO",
		"4.Rhegmatogenous RD", "5.0.CSCR", "5.1.VKH disease", "6.Maculopathy", "7.ERM", "8.MH", "9.Pathological myopia"}},
	{"idrid", "IDRiD", []string{"anoDR", "bmildDR", "cmoderateDR", "dsevereDR", "eproDR"}},
	{"messidor2", "MESSIDOR2", grades},
	{"papila", "PAPILA", []string{"anormal", "bsuspectglaucoma", "cglaucoma"}},
	{"glaucoma_fundus", "Glaucoma_fundus", []string{"anormal_control", "bearly_glaucoma", "cadvanced_glaucoma"}},
}

// TestBenchmarkConfigs trains two steps of each data set's config, on small
// images in its layout; only the model is smaller, and without weights.
func TestBenchmarkConfigs(t *testing.T) {
	for i, b := range benchmarks {
		t.Run(b.name, func(t *testing.T) {
			root := t.TempDir()
			layOut(t, filepath.Join(root, b.folder), b.classes, uint64(i))
			file, err := filepath.Abs("../configs/" + b.name + ".toml")
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(root) // data.dir is where the images lie, as in a project's folder
			c, err := config.Read(file, []string{"model.weights=", "model.arch=vit_tiny_patch16", "model.depth=2",
				"training.max_steps=2", "runtime.provider=cpu"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			r := run(t, c, training.Options{})
			f, err := os.Open(filepath.Join(r.Folder, "predictions_test.csv"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			p, err := evaluation.ReadPredictions(f)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(p.Classes, b.classes) || len(p.Rows) != len(b.classes) {
				t.Errorf("%d predictions of the classes %q", len(p.Rows), p.Classes)
			}
		})
	}
}

// layOut makes a data set of 32 training images or more, two batches, and of an
// image a class to validate and to test on.
func layOut(t *testing.T, dir string, classes []string, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	for _, split := range []string{"train", "val", "test"} {
		for _, class := range classes {
			folder := filepath.Join(dir, split, class)
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			count := 1
			if split == "train" {
				count = (32 + len(classes) - 1) / len(classes)
			}
			for i := range count {
				writeEye(t, filepath.Join(folder, fmt.Sprintf("%s %d%s", class, i, extension(dir))), random)
			}
		}
	}
}

// extension is that of the files as they are downloaded.
func extension(dir string) string {
	if strings.HasSuffix(dir, "OCTID") {
		return ".jpeg"
	}
	return ".png"
}

// writeEye writes a bright disc with noise.
func writeEye(t *testing.T, path string, random *rand.Rand) {
	t.Helper()
	const side = 64
	im := image.NewRGBA(image.Rect(0, 0, side, side))
	x0, y0, red := 16+random.IntN(32), 16+random.IntN(32), 96+random.IntN(96)
	for y := range side {
		for x := range side {
			light := max(0, red-4*max(x-x0, x0-x)-2*max(y-y0, y0-y)) + random.IntN(32)
			im.SetRGBA(x, y, color.RGBA{uint8(light), uint8(light / 2), uint8(light / 4), 255})
		}
	}
	encode := func(w io.Writer) error { return png.Encode(w, im) }
	if strings.HasSuffix(path, ".jpeg") {
		encode = func(w io.Writer) error { return jpeg.Encode(w, im, nil) }
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := encode(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
