package weights

import (
	"cmp"
	"errors"
	"fmt"
	"fovea/internal/regular"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// publisher is the account that publishes RETFound's weights on the Hugging Face hub.
const publisher = "YukunZhou"

// Locate returns the path of a weight file. That is nameOrPath itself if it is a file, else the file NAME.pth of
// repository YukunZhou/NAME (or OWNER/NAME) in the cache of the Hugging Face hub, where its Python tools put downloads.
//
// Locate downloads nothing, because RETFound's weights are given to those who accept its terms. If the file is not
// there, the error says where to get it and where to put it.
func Locate(nameOrPath string) (string, error) {
	info, err := os.Stat(nameOrPath)
	switch {
	case err == nil && info.Mode().IsRegular():
		return nameOrPath, nil
	case err == nil:
		return "", fmt.Errorf("weights %s: this is no file: name one", nameOrPath)
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("weights: %w", err)
	}
	owner, name, ok := strings.Cut(nameOrPath, "/")
	if !ok {
		owner, name = publisher, nameOrPath
	}
	if !isRepositoryPart(owner) || !isRepositoryPart(name) || filepath.Ext(name) != "" {
		return "", fmt.Errorf("weights %s: there is no such file", nameOrPath)
	}
	hub, err := hubCache()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(hub, "models--"+owner+"--"+name)
	for _, snapshot := range snapshots(folder) {
		path := filepath.Join(folder, "snapshots", snapshot, name+".pth")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", fmt.Errorf("weights %s: there is no such file, and no %s.pth in %s: "+
		"accept the terms at https://huggingface.co/%s/%s, then run `hf auth login` and `hf download %s/%s %s.pth`, "+
		"or download the file there and give its path instead of the name",
		nameOrPath, name, folder, owner, name, owner, name, name)
}

// isRepositoryPart reports whether s can be an owner or a name on the hub.
func isRepositoryPart(s string) bool {
	return s != "" && s[0] != '.' && !strings.Contains(s, "--") && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-.", r))
	})
}

// hubCache returns the folder of the hub's cache, by the rules of huggingface_hub/constants.py.
func hubCache() (string, error) {
	home, noHome := os.UserHomeDir() // which a variable may make unnecessary
	for _, v := range []struct{ variable, below string }{
		{"HF_HUB_CACHE", ""}, {"HUGGINGFACE_HUB_CACHE", ""}, {"HF_HOME", "hub"}, {"XDG_CACHE_HOME", "huggingface/hub"},
	} {
		if dir := os.Getenv(v.variable); dir != "" {
			if rest, ok := strings.CutPrefix(dir, "~/"); ok {
				if noHome != nil {
					return "", noHome
				}
				dir = filepath.Join(home, rest)
			}
			return filepath.Join(os.ExpandEnv(dir), v.below), nil
		}
	}
	return filepath.Join(home, ".cache", "huggingface", "hub"), noHome
}

// snapshots returns the commits that are in a repository's folder: main's first, then the others, newest first.
func snapshots(folder string) []string {
	entries, _ := os.ReadDir(filepath.Join(folder, "snapshots"))
	main, _ := regular.ReadFile(filepath.Join(folder, "refs", "main"), 1<<10)
	first := strings.TrimSpace(string(main))
	date := func(e fs.DirEntry) int64 {
		info, err := e.Info()
		switch {
		case err != nil:
			return 0
		case e.Name() == first:
			return math.MaxInt64
		}
		return info.ModTime().UnixNano()
	}
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(date(b), date(a)) })
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
