package config

import (
	"fmt"
	"io"

	"github.com/pelletier/go-toml/v2"
)

// WriteTOML writes every key, in the order of Config's fields, so that Read gives
// an equal Config back.
func (c *Config) WriteTOML(w io.Writer) error {
	if err := toml.NewEncoder(w).Encode(c); err != nil {
		return fmt.Errorf("writing the config: %w", err)
	}
	return nil
}
