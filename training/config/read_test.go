package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

const minimal = "[data]\ndir = \"images\"\n"

// write puts a config into a file of its own and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "octid.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadPrecedence(t *testing.T) {
	const file = "[data]\ndir = \"file\"\n[schedule]\nwarmup = 1\n[training]\nbatch = 1\n"
	environ := []string{"FOVEA_DATA_DIR=env", "FOVEA_TRAINING_BATCH=2", "FOVEA_SEED=", "HOME=/root"}
	c, err := Read(write(t, file), []string{"training.batch=3", "training.batch=4"}, environ)
	if err != nil {
		t.Fatal(err)
	}
	if c.Training.Batch != 4 {
		t.Errorf("batch %d, want the last override, 4", c.Training.Batch)
	}
	if c.Data.Dir != "env" {
		t.Errorf("data.dir %q, want the environment's", c.Data.Dir)
	}
	if c.Schedule.Warmup != 1 {
		t.Errorf("warmup %d, want the file's, 1", c.Schedule.Warmup)
	}
	if c.Schedule.Epochs != 50 || c.Seed != 0 {
		t.Errorf("epochs %d, seed %d, want the defaults 50 and 0", c.Schedule.Epochs, c.Seed)
	}
	if c.Name != "octid" {
		t.Errorf("name %q, want the file's", c.Name)
	}
}

func TestReadText(t *testing.T) {
	c, err := Read(write(t, minimal), []string{
		"name=a=b", "augment.quarter_turns=true", "optimizer.eps=1e-6",
		"data.mean=0.1, 0.2,0.3", "augment.crop_scale=[0.5,1]", "runtime.library=/opt/lib.so",
	}, []string{"FOVEA_DATA_STD=0.5,0.5,0.5", "FOVEA_MODEL_DROP_PATH=0"})
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.Name, want.Data.Dir = "a=b", "images"
	want.Augment.QuarterTurns = true
	want.Optimizer.Eps = 1e-6
	want.Data.Mean = [3]float64{0.1, 0.2, 0.3}
	want.Data.Std = [3]float64{0.5, 0.5, 0.5}
	want.Augment.CropScale = [2]float64{0.5, 1}
	want.Model.DropPath = 0
	want.Runtime.Library = "/opt/lib.so"
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got\n%+v\nwant\n%+v", c, want)
	}
}

// TestAuto: "auto" is one value wherever it comes from, and blr gives no rate
// until a run has chosen.
func TestAuto(t *testing.T) {
	const file = minimal + "[optimizer]\nblr = 5e-3\n[training]\nbatch = "
	for _, test := range []struct {
		batch   string
		set     []string
		environ []string
		want    int
	}{
		{`"auto"`, nil, nil, Auto},
		{"0", nil, nil, Auto},
		{"8", []string{"training.batch=auto"}, nil, Auto},
		{"8", nil, []string{"FOVEA_TRAINING_BATCH=auto"}, Auto},
		{`"auto"`, []string{"training.batch=4"}, nil, 4},
	} {
		c, err := Read(write(t, file+test.batch+"\n"), test.set, test.environ)
		if err != nil {
			t.Fatal(err)
		}
		if got, rate := c.Training.Batch, 5e-3*float64(test.want)/256; got != test.want || c.LearningRate() != rate {
			t.Errorf("%+v: batch %d, rate %v, want %v", test, got, c.LearningRate(), rate)
		}
	}
}

// A key that may be a number is one value too, whether it stands as a number or as a string.
func TestDevices(t *testing.T) {
	for _, test := range []struct {
		line    string
		set     []string
		want    string
		number  int
		devices []int
	}{
		{"", nil, "", 1, nil}, {"devices = 2", nil, "2", 2, nil}, {`devices = "2"`, nil, "2", 2, nil},
		{`devices = "all"`, nil, "all", 0, nil}, {"devices = 2", []string{"runtime.devices=0, 3"}, "0, 3", 0, []int{0, 3}},
	} {
		c, err := Read(write(t, minimal+"[runtime]\n"+test.line+"\n"), test.set, nil)
		if err != nil {
			t.Fatal(err)
		}
		number, list, err := ParseDevices(c.Runtime.Devices)
		if c.Runtime.Devices != test.want || number != test.number || !reflect.DeepEqual(list, test.devices) || err != nil {
			t.Errorf("%+v: %q, %d, %v, %v", test, c.Runtime.Devices, number, list, err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	tests := []struct {
		name    string
		file    string
		set     []string
		environ []string
		want    []string // all in the error, each on a line of its own
	}{
		{"unknown key", "[data]\ndir = \"a\"\n\nbatch = 3\n", nil, nil,
			[]string{"octid.toml:4: data.batch: unknown key, did you mean training.batch?; [data] has dir, size,"}},
		{"swapped letters", "sede = 3\n" + minimal, nil, nil,
			[]string{"octid.toml:1: sede: unknown key, did you mean seed?"}},
		{"key without its section", minimal[7:] + "size = 28\n", nil, nil,
			[]string{"octid.toml:1: dir: unknown key, did you mean data.dir?",
				"octid.toml:2: size: unknown key, did you mean data.size?"}},
		{"other case", "[data]\nDir = \"a\"\n", nil, nil,
			[]string{"octid.toml:2: data.Dir: unknown key, did you mean data.dir?"}},
		{"unknown recipe", "recipe = \"retfuond\"\n" + minimal, nil, nil,
			[]string{`octid.toml:1: recipe: "retfuond" is not one of fovea, retfound, did you mean "retfound"?`}},
		{"unknown section once", minimal + "[optimiser]\nlr = 1.0\nblr = 1\n", nil, nil,
			[]string{"octid.toml:3: optimiser: unknown section, did you mean optimizer?"}},
		{"empty unknown section", minimal + "[modle]\n", nil, nil,
			[]string{"octid.toml:3: modle: unknown section, did you mean model?"}},
		{"inline table", "data = {dir = \"a\", szie = 3}\n", nil, nil,
			[]string{"octid.toml:1: data.szie: unknown key, did you mean data.size?"}},
		{"section as list", "[[data]]\ndir = \"a\"\n", nil, nil,
			[]string{"octid.toml:1: data: is one section, not a list: write [data]"}},
		{"section as value", "data = 5\n", nil, nil,
			[]string{"octid.toml:1: data: is a section, not a key: write [data]"}},
		{"key as section", minimal + "[seed]\n", nil, nil,
			[]string{"octid.toml:3: seed: is a key, not a section"}},
		{"quoted dots", "\"data.dir\" = 5\n", nil, nil,
			[]string{`octid.toml:1: "data.dir": unknown key`}},
		{"syntax", "[data]\ndir = \n", nil, nil,
			[]string{"octid.toml:2: not TOML: "}},
		{"string for integer", minimal + "size = \"224\"\n", nil, nil,
			[]string{`octid.toml:3: data.size: found the string "224", expected an integer`}},
		{"number for integer", minimal + "size = 224.0\n", nil, nil,
			[]string{"octid.toml:3: data.size: found the number 224, expected an integer"}},
		{"string for number", minimal + "crop_pct = \"1\"\n", nil, nil,
			[]string{`octid.toml:3: data.crop_pct: found the string "1", expected a number`}},
		{"boolean for a string or integer", minimal + "[runtime]\ndevices = true\n", nil, nil,
			[]string{"octid.toml:4: runtime.devices: found the boolean true, expected a string or integer"}},
		{"integer for boolean", minimal + "[augment]\nquarter_turns = 1\n", nil, nil,
			[]string{"octid.toml:4: augment.quarter_turns: found the integer 1, expected a boolean"}},
		{"boolean for string", "[data]\ndir = true\n", nil, nil,
			[]string{"octid.toml:2: data.dir: found the boolean true, expected a string"}},
		{"short array", minimal + "mean = [0.5]\n", nil, nil,
			[]string{"octid.toml:3: data.mean: found an array of 1, expected 3 numbers"}},
		{"array of strings", minimal + "mean = [0.5, \"0.5\", 0]\n", nil, nil,
			[]string{`octid.toml:3: data.mean: element 2: found the string "0.5", expected a number`}},
		{"date", "name = 2026-01-01\n" + minimal, nil, nil,
			[]string{"octid.toml:1: name: found 2026-01-01, expected a string"}},
		{"override without value", minimal, []string{"training.batch"}, nil,
			[]string{"-set training.batch: expected section.key=value"}},
		{"unknown override", minimal, []string{"training.bacth=3"}, nil,
			[]string{"-set training.bacth=3: training.bacth: unknown key, did you mean training.batch?"}},
		{"override of another type", minimal, []string{"training.batch=many"}, nil,
			[]string{`-set training.batch=many: training.batch: found "many", expected an integer or "auto"`}},
		{"override is no boolean", minimal, []string{"augment.quarter_turns=1"}, nil,
			[]string{`augment.quarter_turns: found "1", expected true or false`}},
		{"override too short", minimal, []string{"data.mean=0.5"}, nil,
			[]string{`data.mean: found "0.5", expected 3 numbers, as in "0.5,0.5,0.5"`}},
		{"unknown variable", minimal, nil, []string{"FOVEA_DATA_DRI=a"},
			[]string{"FOVEA_DATA_DRI: unknown variable, did you mean FOVEA_DATA_DIR?"}},
		{"variable of another type", minimal, nil, []string{"FOVEA_SEED=x"},
			[]string{`FOVEA_SEED: seed: found "x", expected an integer`}},
		{"two libraries", minimal, nil, []string{"FOVEA_ORT=a", "FOVEA_RUNTIME_LIBRARY=b"},
			[]string{`FOVEA_ORT: runtime.library: names "a" but FOVEA_RUNTIME_LIBRARY names "b": unset one`}},
		{"range, from the file", minimal + "[training]\nbatch = -1\n", nil, nil,
			[]string{`octid.toml:4: training.batch: -1 is out of range, must be at least 1, or "auto"`}},
		{"auto elsewhere", minimal + "[training]\naccumulate = \"auto\"\n", nil, nil,
			[]string{`octid.toml:4: training.accumulate: found the string "auto", expected an integer`}},
		{"string for an integer or auto", minimal + "[training]\nbatch = \"many\"\n", nil, nil,
			[]string{`octid.toml:4: training.batch: found the string "many", expected an integer or "auto"`}},
		{"range, from an override", minimal, []string{"data.size=30"}, nil,
			[]string{"-set data.size=30: data.size: 30 is not a multiple of the patch size 16 (model.patch)"}},
		{"no folder", "seed = 1\n", nil, nil, []string{"data.dir: is not set"}},
		{"lr and blr", minimal + "[optimizer]\nlr = 1e-3\nblr = 5e-3\n", nil, nil,
			[]string{"octid.toml:5: optimizer.blr: 0.005 is set beside optimizer.lr, 0.001"}},
		{"everything at once", minimal + "[training]\nbatch = -1\naccumulate = 0\n", []string{"seed=-1"}, nil,
			[]string{"training.batch: -1", "training.accumulate: 0", "seed: -1 is below 0"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Read(write(t, test.file), test.set, test.environ)
			if err == nil {
				t.Fatal("no error")
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("%T is no *Error", err)
			}
			if lines := strings.Split(err.Error(), "\n"); len(lines) != len(test.want) && test.name != "syntax" {
				t.Errorf("%d problems, want %d:\n%v", len(lines), len(test.want), err)
			}
			for _, w := range test.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error lacks %q:\n%v", w, err)
				}
			}
		})
	}
}

// A file may begin with a byte order mark, or be in UTF-16 as PowerShell writes it.
func TestReadMarks(t *testing.T) {
	const text = "name = \"cfgx\"\r\n[data]\ndir = \"Gr\u00f6\u00dfe\"\n"
	wide := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	for _, text := range []string{"\ufeff" + text, string(wide)} {
		c, err := Read(write(t, text), nil, nil)
		if err != nil || c.Name != "cfgx" || c.Data.Dir != "Gr\u00f6\u00dfe" {
			t.Errorf("%q: %v, %v", text, c, err)
		}
	}
}

func TestReadMissingFile(t *testing.T) {
	_, err := Read(filepath.Join(t.TempDir(), "none.toml"), nil, nil)
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "none.toml") {
		t.Errorf("got %v", err)
	}
}

func TestReadBaseRateReplacesTheDefaultRate(t *testing.T) {
	path := write(t, minimal+"[optimizer]\nblr = 5e-3\n[training]\nbatch = 16\naccumulate = 2\n")
	c, err := Read(path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.LearningRate(), 5e-3*32/256; got != want {
		t.Errorf("rate %v, want %v", got, want)
	}
}

// RETFound's recipe applies fc_norm twice where there is one: DINOv2 pools the
// class token unless told otherwise.
func TestReadRETFoundRecipeOfDINOv2(t *testing.T) {
	path := write(t, "recipe = \"retfound\"\n"+minimal+"[model]\narch = \"vit_large_patch14_dinov2\"\n")
	for pool, twice := range map[string]bool{"": false, "mean": true, "cls": false} {
		c, err := Read(path, []string{"model.pool=" + pool}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.Model.FCNormTwice != twice {
			t.Errorf("pool %q: fc_norm twice is %v", pool, c.Model.FCNormTwice)
		}
	}
}

func TestReadLibraryFromFoveaORT(t *testing.T) {
	file := write(t, minimal+"[runtime]\nlibrary = \"file.so\"\n")
	environ := []string{"FOVEA_ORT=env.so"}
	c, err := Read(file, nil, environ)
	if err != nil || c.Runtime.Library != "env.so" {
		t.Errorf("library %q, %v; want env.so", c.Runtime.Library, err)
	}
	c, err = Read(file, []string{"runtime.library=set.so"}, environ)
	if err != nil || c.Runtime.Library != "set.so" {
		t.Errorf("library %q, %v; want set.so", c.Runtime.Library, err)
	}
}

func TestReadRuntime(t *testing.T) {
	got, err := ReadRuntime([]string{"runtime.threads=3"}, []string{"FOVEA_RUNTIME_PROVIDER=cpu"})
	if want := (Runtime{Provider: "cpu", Threads: 3, Bucket: 8}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, set := range []string{"data.size=3", "runtime.threads=-1", "runtime.provider=gpu"} {
		var e *Error
		if _, err := ReadRuntime([]string{set}, nil); !errors.As(err, &e) {
			t.Errorf("-set %s: got %v", set, err)
		}
	}
}

// TestModelONNX: the model in a file takes the place of the default one, whatever
// names it, and a run's resolved config is valid again.
func TestModelONNX(t *testing.T) {
	for _, file := range []string{minimal, "recipe = \"retfound\"\n" + minimal} {
		c, err := Read(write(t, file), nil, []string{"FOVEA_MODEL_ONNX=m.onnx"})
		if err != nil {
			t.Fatal(err)
		}
		d := Defaults().Model
		if want := (Model{ONNX: "m.onnx", Adaptation: "finetune", LoRARank: d.LoRARank, LoRAAlpha: d.LoRAAlpha,
			LoRATargets: d.LoRATargets, LastBlocks: d.LastBlocks}); !reflect.DeepEqual(c.Model, want) {
			t.Errorf("the model is %+v, want %+v", c.Model, want)
		}
		var resolved strings.Builder
		if err := c.WriteTOML(&resolved); err != nil {
			t.Fatal(err)
		}
		again, err := Read(write(t, resolved.String()), nil, nil)
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("read again: %v\n%+v, want\n%+v", err, again, c)
		}
	}
	_, err := Read(write(t, minimal), []string{"model.onnx=m.onnx"}, []string{"FOVEA_MODEL_ARCH=vit_base_patch16"})
	if err == nil || !strings.Contains(err.Error(), "model.arch: describes the model that is built without model.onnx") {
		t.Errorf("an arch beside model.onnx: %v", err)
	}
}

func TestWriteTOMLReadsBackEqual(t *testing.T) {
	all := Defaults()
	for i, k := range keys { // every field another value than its default, and none like another
		f := k.field(all)
		switch f.Kind() {
		case reflect.String:
			f.SetString(`quote " backslash \ é ` + k.name)
		case reflect.Bool:
			f.SetBool(!f.Bool())
		case reflect.Int, reflect.Int64:
			f.SetInt(int64(1000 + i))
		case reflect.Float64:
			f.SetFloat(1 / float64(i+3))
		case reflect.Array:
			for j := range f.Len() {
				f.Index(j).SetFloat(1e-9 / float64(i+j+3))
			}
		}
	}
	plain := Defaults()
	plain.Name, plain.Data.Dir = "x", "images"
	for _, want := range []*Config{all, plain} {
		var buf bytes.Buffer
		if err := want.WriteTOML(&buf); err != nil {
			t.Fatal(err)
		}
		r := newReader() // Read without its range checks, which all fails
		r.readFile(write(t, buf.String()))
		got := r.config()
		if err := r.err(); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got\n%+v\nwant\n%+v\nfile\n%s", got, want, &buf)
		}
		for _, k := range keys {
			if r.sources[k.name] == "" {
				t.Errorf("%s was not written", k.name)
			}
		}
	}
}

// The key model.allow_missing of earlier versions is read from a file, as the config of a run that is resumed, and
// refused elsewhere with the name of today's.
func TestFormerKey(t *testing.T) {
	for line, want := range map[string][]string{"allow_missing = true": {"*"}, "allow_missing = false # old": nil} {
		c, err := Read(write(t, minimal+"[model]\n"+line+"\n"), nil, nil)
		if err != nil || !slices.Equal(c.Model.WeightsAllow, want) {
			t.Errorf("%s: %q, %v", line, c.Model.WeightsAllow, err)
		}
	}
	_, err := Read(write(t, minimal), []string{"model.allow_missing=true"}, nil)
	if err == nil || !strings.Contains(err.Error(), "model.allow_missing: is now called model.weights_allow") {
		t.Errorf("error %v", err)
	}
}
