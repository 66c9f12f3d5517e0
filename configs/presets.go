package configs

import (
	_ "embed"
	"fmt"
	"sync"

	"github.com/pelletier/go-toml/v2"
)

// A Preset holds what a published model wants of a config, and how its files are recognised. Name is a value of
// model.arch.
type Preset struct {
	Name     string
	About    string         // the model, in words
	Modality string         // of the images that it was trained on, in words
	Keys     map[string]any // defaults of other keys

	Layout string // of the file's names, see package pretrained; "": any
	Dict   string // the first part of all names of the model; "": any
	Tensor string // pattern of a name that the file has; "": any
}

//go:embed presets/models.toml
var presets []byte

// Presets returns the published models. A mistake in their file is a bug, so it panics.
var Presets = sync.OnceValue(func() []Preset {
	var file struct{ Preset []Preset }
	if err := toml.Unmarshal(presets, &file); err != nil {
		panic(fmt.Sprintf("presets/models.toml: %v", err))
	}
	return file.Preset
})

// WeightsAllow returns the preset's value of model.weights_allow.
func (p *Preset) WeightsAllow() (patterns []string) {
	list, _ := p.Keys["model.weights_allow"].([]any)
	for _, x := range list {
		patterns = append(patterns, fmt.Sprint(x))
	}
	return patterns
}

// PresetOf returns the preset of a value of model.arch, or nil.
func PresetOf(arch string) *Preset {
	for _, p := range Presets() {
		if p.Name == arch {
			return &p
		}
	}
	return nil
}
