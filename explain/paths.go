package explain

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"fovea/data"
)

// Images lists image files: each operand that is a file, whatever its name, and the
// files below each that is a folder, by data.Extensions, in the order of names.
func Images(operands []string) ([]string, error) {
	var out []string
	for _, operand := range operands {
		before := len(out)
		err := filepath.WalkDir(operand, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (path == operand || slices.Contains(data.Extensions, strings.ToLower(filepath.Ext(path)))) {
				out = append(out, path)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("listing images: %w", err)
		}
		if len(out) == before {
			return nil, fmt.Errorf("no image in %s: images end in %s", operand, strings.Join(data.Extensions, " "))
		}
	}
	return out, nil
}
