package config

import (
	"fmt"
	"slices"
)

// Differences lists the keys, but for those named, whose values differ between
// before and c, as "key was X, is Y".
func (c *Config) Differences(before *Config, but ...string) []string {
	var out []string
	for _, k := range keys {
		was, is := k.field(before).Interface(), k.field(c).Interface()
		if was != is && !slices.Contains(but, k.name) {
			out = append(out, fmt.Sprintf("%s was %v, is %v", k.name, was, is))
		}
	}
	return out
}
