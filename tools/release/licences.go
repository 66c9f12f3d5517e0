package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// licenceName matches the names of files that must go with copies of a program.
var licenceName = regexp.MustCompile(`(?i)^(licen[cs]es?|copying|notice|patents|unlicense)`)

// addLicences adds the licences of Go and of the modules that the program is linked with, as files in LICENSES.
func addLicences(ctx context.Context, environ []string, files map[string]entry) error {
	root, err := output(ctx, environ, "go", "env", "GOROOT")
	if err != nil {
		return err
	}
	if err := addFrom(files, root, root, "LICENSES/go"); err != nil {
		return err
	}
	list, err := output(ctx, environ, "go", "list", "-deps",
		"-f", "{{if .Module}}{{.Module.Path}}\t{{.Module.Version}}\t{{.Module.Dir}}\t{{.Dir}}{{end}}", "./cmd/trainer")
	if err != nil {
		return err
	}
	for line := range strings.Lines(list) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 4 {
			continue
		}
		target := "LICENSES/" + f[0]
		if f[1] != "" {
			target += "@" + f[1]
		}
		if err := addFrom(files, f[2], f[3], target); err != nil {
			return err
		}
	}
	return nil
}

// addFrom adds the licences in the folder of a package and in those above it, up to the folder of its module.
func addFrom(files map[string]entry, module, folder, target string) error {
	inside, err := filepath.Rel(module, folder)
	if err != nil {
		return err
	}
	found := false
	for at := filepath.ToSlash(inside); ; at = path.Dir(at) {
		entries, err := os.ReadDir(filepath.Join(module, at))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !licenceName.MatchString(e.Name()) {
				continue
			}
			paths := []string{e.Name()}
			if e.IsDir() { // a folder of the licences that a user may choose from
				if paths, err = fs.Glob(os.DirFS(filepath.Join(module, at)), e.Name()+"/*.*"); err != nil {
					return err
				}
			}
			for _, name := range paths {
				if strings.HasSuffix(name, ".go") {
					continue
				}
				content, err := os.ReadFile(filepath.Join(module, at, name))
				if err != nil {
					return err
				}
				files[path.Join(target, at, name)] = entry{content: content}
				found = true
			}
		}
		if at == "." {
			break
		}
	}
	if !found {
		return fmt.Errorf("%s has no licence; its copies would be unlawful", module)
	}
	return nil
}
