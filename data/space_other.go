//go:build !(linux || darwin || freebsd || windows)

package data

import "math"

// freeSpace is not known here: a write that fails tells.
func freeSpace(string) (uint64, error) { return math.MaxUint64, nil }
