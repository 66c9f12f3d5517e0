package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// dataset makes one in a folder of its own: the first images of each class of a
// shipped one, each of them repeat times.
func (s *section) dataset(name, source string, repeat int, counts map[string]int) (string, error) {
	dir := filepath.Join(s.folder, name)
	for split, count := range counts {
		folders, err := filepath.Glob(filepath.Join(s.Data, source, split, "*"))
		if err != nil || len(folders) == 0 {
			return "", fmt.Errorf("no classes in %s: %v", filepath.Join(s.Data, source, split), err)
		}
		for _, from := range folders {
			if err := copyImages(from, filepath.Join(dir, split, filepath.Base(from)), repeat, count); err != nil {
				return "", err
			}
		}
	}
	return dir, nil
}

func copyImages(from, to string, repeat, count int) error {
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, f := range files[:min(count, len(files))] {
		content, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			return err
		}
		for i := range repeat {
			if err := os.WriteFile(filepath.Join(to, fmt.Sprintf("%d_%s", i, f.Name())), content, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
