package config

import (
	"bytes"
	"fmt"

	"github.com/spf13/viper"

	"fovea/configs"
)

// Defaults returns the config of an empty file: the recipe "fovea". Name and Data.Dir, which have no default, are
// empty.
func Defaults() *Config { return newReader().config() }

// setDefaults gives each key in values the default that the preset of model.arch has for it, else the recipe, else
// "fovea". An unknown recipe, which Validate refuses, has no defaults of its own.
func setDefaults(values *viper.Viper, recipe string) {
	for _, name := range []string{"fovea", recipe} {
		doc, err := configs.Recipes.ReadFile("recipes/" + name + ".toml")
		if err != nil {
			break
		}
		defaults := newViper()
		if err := defaults.ReadConfig(bytes.NewReader(doc)); err != nil {
			panic(fmt.Sprintf("config: recipe %s: %v", name, err))
		}
		for _, key := range defaults.AllKeys() {
			values.SetDefault(key, defaults.Get(key))
		}
	}
	if preset := configs.PresetOf(values.GetString("model.arch")); preset != nil {
		for key, value := range preset.Keys {
			values.SetDefault(key, value)
		}
	}
}

// PresetDefault returns the default of a key under the recipe "fovea" with a preset's value of model.arch.
func PresetDefault(arch, key string) any {
	values := newViper()
	values.Set("model.arch", arch)
	setDefaults(values, "fovea")
	return values.Get(key)
}

// giveWay replaces defaults that contradict a key which the user set, so that they do not make his config invalid.
// isSet reports whether he set a key.
func (c *Config) giveWay(isSet func(key string) bool) {
	if isSet("optimizer.blr") && !isSet("optimizer.lr") && c.Optimizer.BLR > 0 {
		c.Optimizer.LR = 0
	}
	if isSet("optimizer.lr") && !isSet("optimizer.blr") && c.Optimizer.LR > 0 {
		c.Optimizer.BLR = 0
	}
	if c.Data.Sampling == "balanced" && !isSet("data.order") {
		c.Data.Order = "seed"
	}
	if c.Data.Labels != "" && !isSet("data.numbering") {
		c.Data.Numbering = "shared"
	}
	if c.Model.ONNX != "" && !isSet("model.arch") {
		c.Model.Arch = ""
	}
	if c.Model.ONNX != "" && !isSet("model.drop_path") {
		c.Model.DropPath = 0
	}
	if c.Model.Dimensions().Pool != "mean" && !isSet("model.fc_norm_twice") {
		c.Model.FCNormTwice = false
	}
}
