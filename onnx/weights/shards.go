package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"fovea/internal/regular"
	"maps"
	"path/filepath"
	"slices"
)

// maxIndex is the largest file that is read as an index. It is enough for a hundred thousand tensors.
const maxIndex = 16 << 20

// openShards opens the files that an index names as one file. Hugging Face's libraries save large models in that form
// (model.safetensors.index.json, pytorch_model.bin.index.json). The files lie beside the index.
func openShards(path string) (_ *File, err error) {
	index, err := readIndex(path)
	if err != nil {
		return nil, err
	}
	byFile := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(index)) {
		byFile[index[name]] = append(byFile[index[name]], name)
	}
	var shards []*File
	closeAll := func() error {
		var all error
		for _, f := range shards {
			all = errors.Join(all, f.Close())
		}
		return all
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	var tensors []Tensor
	for _, file := range slices.Sorted(maps.Keys(byFile)) {
		if filepath.Base(file) != file || isIndex(file) {
			return nil, fmt.Errorf("the index names %q, which is no weight file beside it", file)
		}
		f, err := Open(filepath.Join(filepath.Dir(path), file))
		if err != nil {
			return nil, err
		}
		shards = append(shards, f)
		for _, name := range byFile[file] {
			t, ok := f.Lookup(name)
			if !ok {
				return nil, fmt.Errorf("the index says that %s has the tensor %q, but it has not: "+
					"the files do not belong together", file, name)
			}
			tensors = append(tensors, t)
		}
	}
	return newFile(contents{tensors: tensors}, closeAll)
}

// isIndex reports whether a file has the extension of an index.
func isIndex(path string) bool { return filepath.Ext(path) == ".json" }

// readIndex returns the file that each tensor is in.
func readIndex(path string) (map[string]string, error) {
	text, err := regular.ReadFile(path, maxIndex)
	if err != nil {
		return nil, err
	}
	var index struct {
		Files map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("reading it as an index of weight files: %w", err)
	}
	if len(index.Files) == 0 {
		return nil, fmt.Errorf("it has no weight_map, so it is no index of weight files")
	}
	return index.Files, nil
}
