package main

import (
	"encoding/csv"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"fovea/onnx"
)

// described writes a copy of a small exported ViT, 8 pixels and 5 classes, with the metadata of a run's model.
func described(t *testing.T, size string) string {
	t.Helper()
	m, err := onnx.Open(exported)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for key, value := range map[string]string{"fovea.classes": `["CNV","DME","DRUSEN","NORMAL","$x_1$ <b>"]`,
		"fovea.image_size":    size,
		"fovea.crop_fraction": "1", "fovea.mean": "[0.2,0.2,0.2]", "fovea.std": "[0.2,0.2,0.2]", "fovea.best_epoch": "1",
		"fovea.loss_batch": "0"} {
		onnx.SetMetadata(m.Proto, key, value)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := onnx.Save(path, m.Proto, onnx.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	return path
}

const scans = "../../data/testdata/kermany_oct_mini/test"

func readTable(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestExplain(t *testing.T) {
	model, out := described(t, "8"), filepath.Join(t.TempDir(), "maps")
	code, stdout, stderr := trainer(t, "explain", "-model", model, "-method", "rollout,integrated", "-class", "DME",
		"-sanity",
		"-batch", "5", "-out", out, scans)
	if code != exitDone || !strings.Contains(stdout, "8 images, written to: "+out) {
		t.Fatalf("exit code %d:\n%s%s", code, stdout, stderr)
	}
	rows := readTable(t, filepath.Join(out, "explanations.csv"))
	if len(rows) != 1+2*8 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, row := range rows[1:] {
		number := func(column int) float64 {
			v, err := strconv.ParseFloat(row[column], 64)
			if err != nil {
				t.Error(err)
			}
			return v
		}
		if row[1] != "DME" || row[4] != []string{"rollout", "integrated"}[i%2] {
			t.Errorf("row %q", row)
		}
		if c := number(11); c < -1 || c > 1 {
			t.Errorf("rank correlation %v", c)
		}
		size := []int64{128 + 4*4, 128 + 4*3*64}[i%2]
		if info, err := os.Stat(filepath.Join(out, row[5])); err != nil || info.Size() != size {
			t.Errorf("%s: %v, %v", row[5], info, err)
		}
		if i%2 == 1 {
			if gap := number(9) - (number(7) - number(8)); gap > 1e-4 || gap < -1e-4 {
				t.Errorf("the integral is off by %v", gap)
			}
			continue
		}
		f, err := os.Open(filepath.Join(out, row[6]))
		if err != nil {
			t.Fatal(err)
		}
		if config, err := png.DecodeConfig(f); err != nil || config.Width < 3*256 || config.Height < 256 {
			t.Errorf("%s: %+v, %v", row[6], config, err)
		}
		f.Close()
	}
	if _, err := os.Stat(filepath.Join(out, "contact_sheet.png")); err != nil {
		t.Error(err)
	}
}

func TestFeatures(t *testing.T) {
	model, dir := described(t, "8"), t.TempDir()
	run := func(args ...string) {
		t.Helper()
		if code, _, stderr := trainer(t, append([]string{"features", "-model", model}, args...)...); code != exitDone {
			t.Fatalf("exit code %d:\n%s", code, stderr)
		}
	}
	run("-out", filepath.Join(dir, "a.csv"), "-pca", filepath.Join(dir, "pca.png"), "-batch", "3", scans)
	rows := readTable(t, filepath.Join(dir, "a.csv"))
	if len(rows) != 9 || len(rows[1]) != 2+12 || rows[0][2] != "feature_0" || rows[1][1] != "CNV" ||
		rows[8][1] != "NORMAL" {
		t.Errorf("%q", rows)
	}
	if _, err := os.Stat(filepath.Join(dir, "pca.png")); err != nil {
		t.Error(err)
	}
	run("-out", filepath.Join(dir, "b.npy"), scans)
	if info, err := os.Stat(filepath.Join(dir, "b.npy")); err != nil || info.Size() != 128+4*8*12 {
		t.Errorf("%v, %v", info, err)
	}
	if rows := readTable(t, filepath.Join(dir, "b.csv")); len(rows) != 9 || len(rows[1]) != 2 {
		t.Errorf("%q", rows)
	}
}

// TestExplainForeignModel: a model that no run wrote is described by flags, as for predict, which gives the same
// probabilities; a broken image and a strip that is too long are left out.
func TestExplainForeignModel(t *testing.T) {
	if testing.Short() {
		t.Skip("differentiates a model")
	}
	dir := t.TempDir()
	images := filepath.Join(dir, "images")
	if err := os.CopyFS(images, os.DirFS(scans)); err != nil {
		t.Fatal(err)
	}
	// A name that with a method's behind it would be longer than a file's may be.
	long := filepath.Join(images, "NORMAL", strings.Repeat("é", 120)+".jpeg")
	if err := os.Rename(filepath.Join(images, "NORMAL", "NORMAL-4872585-1.jpeg"), long); err != nil {
		t.Fatal(err)
	}
	described := []string{"-model", exported, "-classes", "a, b,c,d,e", "-crop", "1", "-mean", "0.2,0.3,0.4", "-std",
		"0.5,0.6,0.7"}
	command := func(code int, args ...string) (stdout, stderr string) {
		t.Helper()
		got, stdout, stderr := trainer(t, append(append(args[:1:1], described...), args[1:]...)...)
		if got != code {
			t.Fatalf("%q: exit code %d, want %d:\n%s%s", args, got, code, stdout, stderr)
		}
		return stdout, stderr
	}
	table := filepath.Join(dir, "predictions.csv")
	command(exitDone, "predict", "-out", table, images)
	predicted := readTable(t, table)

	for name, content := range map[string][]byte{"CNV/damaged.png": []byte("no image"),
		"DME/strip.pgm": append([]byte("P5 1 16000000 255\n"), make([]byte, 16_000_000)...)} {
		if err := os.WriteFile(filepath.Join(images, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	maps := filepath.Join(dir, "maps")
	_, stderr := command(exitFailed, "explain", "-out", maps, images)
	for _, want := range []string{"2 of 10 images cannot be read", "damaged.png", "strip.pgm", "add -skip-unreadable"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("the error lacks %q:\n%s", want, stderr)
		}
	}
	stdout, stderr := command(exitDone, "explain", "-skip-unreadable", "-out", maps, images)
	if !strings.Contains(stdout, "8 images") || !strings.Contains(stderr, "damaged.png") {
		t.Errorf("%s%s", stdout, stderr)
	}
	rows := readTable(t, filepath.Join(maps, "explanations.csv"))
	if len(rows) != len(predicted) {
		t.Fatalf("%d rows, want %d", len(rows), len(predicted))
	}
	for i, row := range rows[1:] {
		want := predicted[i+1]
		p, err := strconv.ParseFloat(row[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		q, err := strconv.ParseFloat(want[2+strings.Index("abcde", row[1])], 64)
		if err != nil {
			t.Fatal(err)
		}
		if row[0] != want[0] || row[1] != want[1] || row[3] != want[1] || p < q-1e-5 || p > q+1e-5 {
			t.Errorf("explain says %q, predict %q", row, want)
		}
	}
	features := filepath.Join(dir, "f.npy")
	command(exitFailed, "features", "-out", features, images)
	command(exitDone, "features", "-out", features, "-skip-unreadable", images)
	if info, err := os.Stat(features); err != nil || info.Size() != 128+4*8*12 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestExplainErrors(t *testing.T) {
	model, dir := described(t, "8"), t.TempDir()
	damaged := filepath.Join(dir, "damaged.png")
	if err := os.WriteFile(damaged, []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"explain", "-model", model}, exitUsage, "missing the images: files, folders"},
		{[]string{"explain", scans}, exitUsage, "missing -model"},
		{[]string{"explain", "-model", model, "-method", "rolout", scans}, exitUsage, `-method: unknown method "rolout"`},
		{[]string{"explain", "-model", model, "-steps", "0", scans}, exitUsage, "-steps 0: must be at least 1"},
		{[]string{"explain", "-model", model, "-batch", "0", scans}, exitUsage, "-batch 0: must be at least 1"},
		{[]string{"explain", "-model", model, "-out", out, "-class", "AMD", scans}, exitFailed,
			`the model has no class "AMD": it has ["CNV" "DME"`},
		{[]string{"explain", "-model", described(t, "16"), "-out", out, scans}, exitFailed,
			"takes images of 8 pixels, but they are prepared with 16"},
		{[]string{"explain", "-model", exported, "-out", out, scans}, exitFailed, "nothing says its crop, mean, std"},
		{[]string{"explain", "-model", model, "-out", out, "-output", "nothing", scans}, exitFailed,
			`it has no output "nothing"`},
		{[]string{"features", "-model", model, "-out", "f.csv", "-crop", "2", scans}, exitUsage, "-crop 2"},
		{[]string{"explain", "-model", model, "-out", out, damaged}, exitFailed, "1 of 1 images cannot be read"},
		{[]string{"explain", "-model", model, "-out", out, empty}, exitFailed, "no image below " + empty},
		{[]string{"features", "-model", model, "-out", "f.txt", scans}, exitFailed, "a file that ends in .csv or .npy"},
		{[]string{"features", "-model", model, scans}, exitUsage, "missing -out"},
		{[]string{"features", "-model", model, "-out", "f.csv", "-pca", "p.png", scans + "/DME/DME-9721607-1.jpeg"},
			exitFailed, "at least 3"},
	} {
		code, _, stderr := trainer(t, test.args...)
		if code != test.code || !strings.Contains(stderr, test.want) {
			t.Errorf("%q: exit code %d, want %d and %q:\n%s", test.args, code, test.code, test.want, stderr)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("there is a folder")
	}
}
