package config

import "strings"

// An Error is one thing wrong in a config. Read and Validate join all that they find; errors.As finds one of them.
type Error struct {
	Source string // "octid.toml:7", "-set data.size=30", "FOVEA_DATA_SIZE"; "" for a default
	Key    string // "data.size"; "" where no key is at fault
	Err    error  // what was found and what is allowed
}

// Error returns "SOURCE: KEY: what is wrong", without the parts that are empty.
func (e *Error) Error() string {
	var parts []string
	for _, s := range []string{e.Source, e.Key, e.Err.Error()} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }
