package config

import (
	"testing"

	"fovea/configs"
	"fovea/graphs/vit"
)

// TestPresets checks that each preset is an architecture, that its keys exist and make a valid config under both
// recipes, and that what the user sets holds.
func TestPresets(t *testing.T) {
	for _, p := range configs.Presets() {
		if vit.Architecture(p.Name) == (vit.Dimensions{}) {
			t.Errorf("%s is no architecture", p.Name)
		}
		for key := range p.Keys {
			if _, ok := findKey(key); !ok {
				t.Errorf("%s sets the unknown key %s", p.Name, key)
			}
		}
		for _, recipe := range []string{"fovea", "retfound"} {
			path := write(t, "recipe = \""+recipe+"\"\n"+minimal+"[model]\narch = \""+p.Name+"\"\n")
			if _, err := Read(path, nil, nil); err != nil {
				t.Errorf("%s under %s: %v", p.Name, recipe, err)
			}
		}
	}
	path := write(t, minimal+"[model]\narch = \"retfound_green\"\n")
	c, err := Read(path, []string{"data.mean=[0.1, 0.2, 0.3]"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Data.Size != 392 || c.Data.Mean != [3]float64{0.1, 0.2, 0.3} || c.Data.Std != [3]float64{0.5, 0.5, 0.5} {
		t.Errorf("size %d, mean %v, std %v", c.Data.Size, c.Data.Mean, c.Data.Std)
	}
}
