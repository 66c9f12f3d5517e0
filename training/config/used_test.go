package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestEveryKeyIsRead finds, for each key, its field in the code outside this
// package: a setting that nothing reads would promise what does not happen.
func TestEveryKeyIsRead(t *testing.T) {
	var code strings.Builder
	for _, root := range []string{"../../training", "../../cmd"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
				filepath.Base(filepath.Dir(path)) == "config" {
				return err
			}
			text, err := os.ReadFile(path)
			code.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// These are read through a method of Config.
	through := map[string]string{"model.arch": "Dimensions", "model.width": "Dimensions", "model.depth": "Dimensions",
		"model.heads": "Dimensions", "model.patch": "Dimensions", "optimizer.lr": "LearningRate", "optimizer.blr": "LearningRate"}
	// The recipe is read here, and fp32 is the only precision.
	elsewhere := regexp.MustCompile(`^(recipe|training\.precision)$`)
	for _, k := range keys {
		if elsewhere.MatchString(k.name) {
			continue
		}
		name := reflect.TypeFor[Config]().FieldByIndex(k.index).Name
		if method := through[k.name]; method != "" {
			name = method
		}
		if !regexp.MustCompile(`\.` + name + `\b`).MatchString(code.String()) {
			t.Errorf("no code reads %s (%s)", k.name, name)
		}
	}
}
