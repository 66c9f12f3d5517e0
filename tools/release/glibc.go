package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"strconv"
	"strings"
)

// glibcOf returns the oldest glibc that has all symbols that the files want, "glibc 2.28", or nothing where a system
// has no glibc.
func glibcOf(system string, files ...[]byte) (string, error) {
	if !strings.HasPrefix(system, "linux/") {
		return "", nil
	}
	newest := 0
	for _, content := range files {
		f, err := elf.NewFile(bytes.NewReader(content))
		if err != nil {
			return "", err
		}
		symbols, err := f.ImportedSymbols()
		if err != nil {
			return "", err
		}
		for _, s := range symbols {
			version, ok := strings.CutPrefix(s.Version, "GLIBC_2.")
			if !ok {
				continue
			}
			minor, _, _ := strings.Cut(version, ".")
			n, err := strconv.Atoi(minor)
			if err != nil {
				return "", fmt.Errorf("symbol %s of version %s: %w", s.Name, s.Version, err)
			}
			newest = max(newest, n)
		}
	}
	return fmt.Sprintf("glibc 2.%d", newest), nil
}
