package main

import (
	"encoding/csv"
	"encoding/json"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fovea/data"
	"fovea/data/labels"
	"fovea/evaluation"
)

// Folders with the files of the cases, which the tests of other packages read too.
const (
	caseImages  = "../../data/pixels/testdata/cases"
	caseScores  = "../../inference/testdata/scores"
	caseWeights = "../../models/pretrained/testdata"
	caseTables  = "../../evaluation/testdata/tables"
	caseModels  = "../../models/imported/testdata/cases"
	caseHostile = "../../onnx/limits/testdata/hostile"
	caseTexts   = "testdata/cases"
)

// TestCases runs the commands on every file that once gave a wrong result, a crash or a refusal. What is right comes
// from Pillow, onnxruntime and pandas. docs/evidence/cases.md lists the files.
func TestCases(t *testing.T) {
	dir := t.TempDir()
	copyFiles(t, filepath.Join(dir, "ds", "base"), map[string][]string{
		"A": {"0002", "0003", "0004"}, "B": {"0001", "0033", "0038"}})
	model := trainCase(t, dir, filepath.Join(caseTexts, "bom.toml"), "cfgx")
	t.Run("images", func(t *testing.T) { testImages(t, model) })
	t.Run("scores", testScoreCases)
	t.Run("weights", func(t *testing.T) { testWeights(t, dir) })
	t.Run("tables", func(t *testing.T) { testTables(t, dir, model) })
	t.Run("texts", testTexts)
	t.Run("models", func(t *testing.T) { testModels(t, dir) })
	t.Run("hostile", testHostile)
}

// copyFiles makes the splits of a data set, with test photographs of two classes in each.
func copyFiles(t *testing.T, dir string, classes map[string][]string) {
	t.Helper()
	for _, split := range []string{"train", "val", "test"} {
		for class, numbers := range classes {
			folder := map[string]string{"A": "0_no_dr", "B": "1_mild_npdr"}[class]
			for _, n := range numbers {
				name := "test_" + n + ".png"
				from := filepath.Join("../../data/testdata/retinamnist/test", folder, name)
				writeText(t, mkdir(t, dir, split, class), name, string(read(t, from)))
			}
		}
	}
}

func mkdir(t *testing.T, path ...string) string {
	t.Helper()
	dir := filepath.Join(path...)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// trainCase trains with a config for a step and returns the model.
func trainCase(t *testing.T, dir, config, name string, settings ...string) string {
	t.Helper()
	code, _, stderr := trainer(t, caseTraining(dir, config, name, settings...)...)
	if code != exitDone {
		t.Fatalf("%s: exit code %d:\n%s", name, code, stderr)
	}
	return filepath.Join(dir, "runs", name, "model.onnx")
}

func caseTraining(dir, config, name string, settings ...string) []string {
	args := []string{"-config", config}
	for _, s := range append(settings, "name="+name, "data.dir="+filepath.Join(dir, "ds", "base"),
		"output.dir="+filepath.Join(dir, "runs"), "runtime.provider=cpu") {
		args = append(args, "-set", s)
	}
	return args
}

// succeed runs a command that must end with exit code 0, and returns what it prints.
func succeed(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	code, stdout, stderr := trainer(t, args...)
	if code != exitDone {
		t.Fatalf("trainer %q: exit code %d:\n%s", args, code, stderr)
	}
	return stdout, stderr
}

// fails runs a command that must end with exit code 1 and a text in one line of its error.
func fails(t *testing.T, want string, args ...string) {
	t.Helper()
	code, _, stderr := trainer(t, args...)
	if code != exitFailed && code != exitUsage || !strings.Contains(stderr, want) || len(stderr) > 1000 {
		t.Errorf("trainer %q: exit code %d, want %q in:\n%s", args, code, want, stderr)
	}
}

// rows returns the rows of a CSV table without its header.
func rows(t *testing.T, text string) [][]string {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(all) < 2 {
		t.Fatalf("%d rows, %v:\n%s", len(all), err, text)
	}
	return all[1:]
}

// testImages: predict gives each image the probabilities of Pillow's pixels, or an error that names the kind. The
// pixels themselves are equal.
func testImages(t *testing.T, model string) {
	wants := map[string]string{ // errors
		"jpg_nodqt.jpg":     "lacks its quantization table 0",
		"png_gray1_31k.png": "more than the limit",
	}
	files, err := filepath.Glob(filepath.Join(caseImages, "*"))
	if err != nil || len(files) != 40 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	stdout, stderr := succeed(t, append([]string{"predict", "-model", model}, files...)...)
	got := map[string][]string{}
	for _, row := range rows(t, stdout) {
		got[filepath.Base(row[0])] = row[1:]
	}
	for _, path := range files {
		name := filepath.Base(path)
		row, want := got[name], got[name+".pillow.png"]
		switch {
		case strings.HasSuffix(name, ".pillow.png"):
		case wants[name] != "":
			if !strings.Contains(row[3], wants[name]) {
				t.Errorf("%s: the row is %q, want the error %q", name, row, wants[name])
			}
		case name == "oct12.tif": // 12 bits in 16: told, and read as they are with the white level of 12 bits
			if !strings.Contains(stderr, name) || !strings.Contains(stderr, "white") {
				t.Errorf("%s: no warning in:\n%s", name, stderr)
			}
			bright, _ := succeed(t, "predict", "-model", model, "-white-level", "4095", path)
			if slices.Equal(rows(t, bright)[0][1:], row) {
				t.Errorf("%s: the white level changes nothing", name)
			}
		default:
			if row[3] != "" || !slices.Equal(row, want) {
				t.Errorf("%s: the row is %q, and that of Pillow's pixels %q", name, row, want)
			}
			img, wanted := decodeCase(t, path), decodeCase(t, path+".pillow.png")
			if img.Rect != wanted.Rect || !slices.Equal(img.Pix, wanted.Pix) {
				t.Errorf("%s: the pixels are not Pillow's", name)
			}
		}
	}
}

func decodeCase(t *testing.T, path string) *image.NRGBA {
	t.Helper()
	img, err := data.Decode(path)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// plainImages describes a model that takes the image as it is.
var plainImages = []string{"-crop", "1", "-mean", "0,0,0", "-std", "1,1,1", "-set", "runtime.provider=cpu"}

// reported returns the probabilities of a case by onnxruntime.
func reported(t *testing.T, name string) []float64 {
	t.Helper()
	var golden map[string]struct{ Rows [][]float64 }
	if err := json.Unmarshal(read(t, caseScores, "golden.json"), &golden); err != nil || len(golden[name].Rows) != 1 {
		t.Fatalf("%s: %v", name, err)
	}
	return golden[name].Rows[0]
}

// checkProbabilities compares the first row of predict's table with probabilities, within a float32's rounding.
func checkProbabilities(t *testing.T, name, stdout string, want []float64) {
	t.Helper()
	row := rows(t, stdout)[0]
	for i, p := range want {
		if got, err := strconv.ParseFloat(row[2+i], 64); err != nil || math.Abs(got-p) > 1e-6 {
			t.Errorf("%s: the row is %q, want %v", name, row, want)
		}
	}
}

// testScoreCases: predict gives onnxruntime's probabilities, or refuses sigmoids.
func testScoreCases(t *testing.T) {
	x := filepath.Join(caseScores, "x.png")
	for _, name := range []string{"reported_cast", "reported_qdq", "reported_softmax_identity",
		"reported_softmax_manual"} {
		args := append([]string{"predict", "-model", filepath.Join(caseScores, name+".onnx")}, plainImages...)
		stdout, _ := succeed(t, append(args, x)...)
		checkProbabilities(t, name, stdout, reported(t, name))
	}
	args := append([]string{"predict", "-model", filepath.Join(caseScores, "reported_sigmoid_cast.onnx")}, plainImages...)
	fails(t, "its output is a sigmoid's", append(args, x)...)
}

// testWeights: three forms of the same weights begin with the same parameters.
func testWeights(t *testing.T, dir string) {
	artifacts := func(file string) (args []string, out string) {
		out = filepath.Join(dir, "artifacts_"+file)
		args = caseTraining(dir, filepath.Join(caseTexts, "bom.toml"), "w",
			"model.weights="+filepath.Join(caseWeights, file))
		return append([]string{"artifacts", "-out", out}, args...), out
	}
	var first []byte
	for _, file := range []string{"a_statedict_plain.pth", "b_statedict_timm.pth", "d_module_plain.pth"} {
		args, out := artifacts(file)
		if _, stderr := succeed(t, args...); !strings.Contains(stderr, "loaded=16") {
			t.Errorf("%s:\n%s", file, stderr)
		}
		parameters := read(t, out, "model.safetensors")
		if first == nil {
			first = parameters
		}
		if !slices.Equal(parameters, first) {
			t.Errorf("%s: the parameters are not those of a_statedict_plain.pth", file)
		}
	}
	for file, want := range map[string]string{"RETFound_cfp_weights.pth": "this is a web page",
		"lfs.pth": "this is a pointer of Git LFS"} {
		args, _ := artifacts(file)
		fails(t, want, args...)
	}
}

// testTables: each table of labels and of predictions is read as pandas does. The evaluation of two of them writes what
// was read.
func testTables(t *testing.T, dir, model string) {
	var pandas map[string]struct {
		Label  []any
		Scores [][]float64
	}
	if err := json.Unmarshal(read(t, caseTables, "pandas.json"), &pandas); err != nil || len(pandas) != 8 {
		t.Fatalf("%d tables, %v", len(pandas), err)
	}
	base := filepath.Join(dir, "ds", "base")
	for name, want := range pandas {
		predictions := len(want.Scores) > 0 && len(want.Scores[0]) > 0 // else the table has labels alone
		table, out := filepath.Join(caseTables, name), filepath.Join(dir, "eval_"+name)
		switch name {
		case "semi.csv":
			succeed(t, "eval", "-model", model, "-data", base, "-labels", table, "-out", out, "-rounds", "50")
			table = filepath.Join(out, "predictions_test.csv")
		case "class_called_as_column.csv":
			succeed(t, "eval", "-predictions", table, "-out", out, "-rounds", "50")
			table = filepath.Join(out, "predictions_test.csv")
		}
		var got []string // labels
		if predictions || name == "semi.csv" {
			p, err := readPredictions(table, "", evaluation.TableOptions{})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for i, row := range p.Rows {
				got = append(got, p.Classes[row.Label])
				if predictions && !slices.Equal(row.Probabilities, want.Scores[i]) {
					t.Errorf("%s: row %d is %v, want %v", name, i, row.Probabilities, want.Scores[i])
				}
			}
		} else {
			l, err := labels.Open(table, base, labels.Options{Classes: []string{"A", "B"}})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for _, s := range l.All.Samples {
				got = append(got, l.All.Classes[s.Class])
			}
		}
		for i, label := range want.Label {
			if n, ok := label.(float64); ok { // the index of a class
				label = map[bool]string{true: strconv.Itoa(int(n)), false: string(rune('A' + int(n)))}[predictions]
			}
			if len(got) != len(want.Label) || got[i] != label {
				t.Errorf("%s: the labels are %q, want %v", name, got, want.Label)
				break
			}
		}
	}
}

// testTexts: texts that begin with a byte order mark. TestCases has trained with bom.toml.
func testTexts(t *testing.T) {
	dir := t.TempDir()
	writeText(t, dir, "m.onnx", string(read(t, caseScores, "reported_cast.onnx")))
	writeText(t, dir, "m.json", string(read(t, caseTexts, "m.json")))
	writeText(t, dir, "x.png", string(read(t, caseScores, "x.png")))
	list, err := os.Open(filepath.Join(caseTexts, "list.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	defer func(stdin *os.File) { os.Stdin = stdin }(os.Stdin)
	os.Stdin = list
	t.Chdir(dir)
	stdout, _ := succeed(t, "predict", "-model", "m.onnx", "-set", "runtime.provider=cpu", "-")
	row := rows(t, stdout)[0]
	if row[0] != "x.png" || row[2] != "0.60205078125" {
		t.Errorf("the row is %q", row)
	}
}

// testModels: models with inputs left out train, and gradcheck agrees for all.
func testModels(t *testing.T, dir string) {
	path := func(name string) string { return filepath.Join(caseModels, name+".onnx") }
	config := writeText(t, dir, "imported.toml", "[data]\nsize = 32\n[schedule]\nepochs = 1\nwarmup = 0\n"+
		"[training]\nbatch = 2\n[augment]\npolicy = \"\"\n")
	for _, name := range []string{"opt_clip_max", "opt_resize"} {
		model := trainCase(t, dir, config, name, "model.onnx="+path(name))
		succeed(t, "predict", "-model", model, filepath.Join(caseScores, "x.png"))
	}
	for _, args := range [][]string{{path("opt_clip_max")}, {path("opt_resize")}, {path("pad_reflect_11000")},
		{path("softmax_saturated")}, {path("shared_symbol"), "-dim", "batch=3"}, {path("anonymous_dim"), "-dim", "x:1=4"}} {
		stdout, _ := succeed(t, append([]string{"gradcheck", "-model"}, args...)...)
		if !strings.Contains(stdout, "the gradients agree") {
			t.Errorf("%q:\n%s", args, stdout)
		}
	}
	fails(t, "give it one with -dim x:1=N", "gradcheck", "-model", path("anonymous_dim"))
	gradient := filepath.Join(dir, "g.onnx")
	succeed(t, "differentiate", "-model", path("pad_reflect_11000"), "-out", gradient)
	if n := len(read(t, gradient)); n > 1<<20 { // it was 484 MB
		t.Errorf("the gradient of Pad has %d bytes", n)
	}
}

// testHostile: every command refuses a model that asks for too much, and names the node. testImages has the image.
func testHostile(t *testing.T) {
	x := filepath.Join(caseScores, "x.png")
	for name, want := range map[string]string{"expcat20": "(Concat): its result has", "intcat": "(Concat): its result has",
		"loop1000000000": "a loop around it has too many steps", "nest31": "nested too deep",
		"sigfpe_conv_stride0": "node 0 (Conv): attribute strides is 0"} {
		path := filepath.Join(caseHostile, name+".onnx")
		if stdout, _ := succeed(t, "inspect", path); !strings.Contains(stdout, want) {
			t.Errorf("inspect %s: no %q in:\n%s", name, want, stdout)
		}
		fails(t, want, "differentiate", "-model", path, "-out", filepath.Join(t.TempDir(), "g.onnx"))
		fails(t, want, append([]string{"predict", "-model", path, x}, plainImages...)...)
		fails(t, want, append([]string{"serve", "-model", path, "-listen", "127.0.0.1:0"}, plainImages...)...)
	}
}
