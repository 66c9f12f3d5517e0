package trained

import (
	"reflect"
	"testing"
)

// What the arguments of training programs say of the images.
func TestFacts(t *testing.T) {
	imageNet := [][]float32{{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}}
	for _, test := range []struct {
		name   string
		values map[string]string
		size   int
		want   Facts
	}{
		{"RETFound of 2025", map[string]string{"args.model": "RETFound_mae", "args.input_size": "256", "args.nb_classes": "5",
			"args.batch_size": "24", "args.savemodel": "true"}, 0, Facts{Size: 256, Crop: 1, Mean: imageNet[0],
			Std: imageNet[1], LossBatch: 24, NormTwice: true, Program: "RETFound's of 2025"}},
		{"RETFound of 2023", map[string]string{"args.model": "vit_large_patch16", "args.input_size": "224",
			"args.nb_classes": "5", "args.batch_size": "16"}, 0, Facts{Size: 224, Crop: 0.875, Mean: imageNet[0],
			Std: imageNet[1], LossBatch: 16, Program: "RETFound's, or MAE's"}},
		{"another size", map[string]string{"args.model": "vit_large_patch16", "args.input_size": "224",
			"args.nb_classes": "5"}, 384, Facts{Size: 384, Crop: 1, Mean: imageNet[0], Std: imageNet[1],
			Program: "RETFound's, or MAE's"}},
		{"timm", map[string]string{"arch": "vit_tiny", "args.crop_pct": "0.9", "args.mean.0": "0.5", "args.mean.1": "0.5",
			"args.mean.2": "0.5", "class_to_idx.b": "1", "class_to_idx.a": "0"}, 32, Facts{Size: 32, Crop: 0.9,
			Mean: []float32{0.5, 0.5, 0.5}, Classes: []string{"a", "b"}, Program: "timm's train.py"}},
		{"timm, squashed", map[string]string{"arch": "vit_tiny", "args.crop_mode": "squash", "args.img_size": "48"}, 0,
			Facts{Size: 48, Resize: "squash", Program: "timm's train.py"}},
		{"a list of names", map[string]string{"class_names.0": "x", "class_names.1": "y", "epoch": "3"}, 0,
			Facts{Classes: []string{"x", "y"}}},
		{"numbers that skip", map[string]string{"class_to_idx.a": "0", "class_to_idx.b": "2"}, 0, Facts{}},
		{"numbers twice", map[string]string{"class_to_idx.a": "0", "class_to_idx.b": "0"}, 0, Facts{}},
		{"nothing", nil, 0, Facts{}},
	} {
		if got := factsOf(test.values, test.size); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}
