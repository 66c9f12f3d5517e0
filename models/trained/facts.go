package trained

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Facts are what the numbers and texts beside the tensors of a weight file say. A field with its zero value says nothing.
type Facts struct {
	Classes   []string // names, in the order of the output
	Size      int      // of the images
	Resize    string   // "squash": width and height become one; "": the shorter side is resized
	Crop      float64  // part of the resized sides that stays
	Mean, Std []float32
	LossBatch int    // the program's loss is a mean over batches of so many images
	NormTwice bool   // the program applies fc_norm twice
	Program   string // that wrote the file, in words
}

// RETFound's scripts, and those of MAE that they come from, keep their arguments in the file under args. Its code of
// 2025 has these arguments, which that of 2023 has not.
var argumentsOf2025 = []string{"args.datasets_seed", "args.enhance", "args.savemodel"}

// factsOf reads the values of a file, all of which are optional, for a model of images of size pixels. A size of 0 is the
// file's own.
func factsOf(values map[string]string, size int) Facts {
	f := Facts{Size: size, Classes: classNames(values)}
	number := func(name string) float64 {
		x, _ := strconv.ParseFloat(values[name], 64)
		return x
	}
	if own := int(number("args.input_size")); own > 0 && number("args.nb_classes") > 0 {
		f.Program = "RETFound's, or MAE's"
		f.Size = cmp.Or(size, own)
		if f.Crop = 1; f.Size <= 224 { // util/datasets.py
			f.Crop = 0.875
		}
		f.Mean, f.Std = []float32{0.485, 0.456, 0.406}, []float32{0.229, 0.224, 0.225}
		f.LossBatch = int(number("args.batch_size"))
		recent := slices.ContainsFunc(argumentsOf2025, func(name string) bool { _, ok := values[name]; return ok })
		if f.NormTwice = recent && values["args.model"] == "RETFound_mae"; recent {
			f.Program = "RETFound's of 2025"
		}
		if f.Classes == nil {
			f.Classes = foldersOf(values["args.data_path"], int(number("args.nb_classes")))
		}
		return f
	}
	if _, ok := values["arch"]; ok { // of timm's train.py
		f.Program = "timm's train.py"
		f.Size = cmp.Or(size, int(number("args.img_size")))
		f.Crop = number("args.crop_pct")
		if mode := values["args.crop_mode"]; mode == "squash" {
			f.Resize = mode
		}
		f.Mean, f.Std = triple(values, "args.mean"), triple(values, "args.std")
	}
	return f
}

// triple reads a list of three numbers, or returns nil.
func triple(values map[string]string, name string) (out []float32) {
	for i := range 3 {
		x, err := strconv.ParseFloat(values[name+"."+strconv.Itoa(i)], 32)
		if err != nil {
			return nil
		}
		out = append(out, float32(x))
	}
	return out
}

// classNames reads a list of names, or a dict from names to numbers, under one of the usual keys.
func classNames(values map[string]string) []string {
	for _, key := range []string{"class_names", "classes", "label_names", "class_to_idx", "args.class_names", "args.classes"} {
		var list []string
		for values[key+"."+strconv.Itoa(len(list))] != "" {
			list = append(list, values[key+"."+strconv.Itoa(len(list))])
		}
		if len(list) > 1 && !slices.ContainsFunc(list, isInteger) {
			return list
		}
		byNumber := map[int]string{}
		for name, value := range values {
			n, err := strconv.Atoi(value)
			if rest, ok := strings.CutPrefix(name, key+"."); ok && err == nil {
				byNumber[n] = rest
			}
		}
		list = nil
		for i := range len(byNumber) {
			if name, ok := byNumber[i]; ok {
				list = append(list, name)
			}
		}
		if len(list) > 1 && len(list) == len(byNumber) {
			return list
		}
	}
	return nil
}

func isInteger(s string) bool { _, err := strconv.Atoi(s); return err == nil }

// foldersOf returns the names of the class folders below train in a folder of images, if they are here and as many as
// they must be. RETFound numbers classes by their folders' names.
func foldersOf(dir string, classes int) []string {
	if dir == "" {
		return nil
	}
	entries, err := os.ReadDir(filepath.Join(dir, "train"))
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	if slices.Sort(names); len(names) != classes {
		return nil
	}
	return names
}
