package inference

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"fovea/internal/regular"
	"fovea/internal/textfile"
)

// maxSidecar is the largest size of a JSON file that describes a model, in bytes. It is enough for the names of 100,000
// classes.
const maxSidecar = 16 << 20

func readJSON(path string) ([]byte, error) {
	file, err := regular.ReadFile(path, maxSidecar)
	if err != nil {
		return nil, err
	}
	return textfile.Decode(file)
}

// readSidecar reads the file beside a model that describes it, if there is one. An unknown key is an error: it may be a
// misspelt one.
func readSidecar(model string) (Description, error) {
	var d Description
	var found string
	for _, form := range []struct {
		suffix string
		read   func(path string) ([]byte, error)
		decode func([]byte) error
	}{
		{".json", readJSON, func(content []byte) error {
			in := json.NewDecoder(bytes.NewReader(content))
			in.DisallowUnknownFields()
			return in.Decode(&d)
		}},
		{".toml", textfile.ReadTOML, func(content []byte) error {
			return toml.NewDecoder(bytes.NewReader(content)).DisallowUnknownFields().Decode(&d)
		}},
	} {
		path := strings.TrimSuffix(model, filepath.Ext(model)) + form.suffix
		content, err := form.read(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return d, err
		}
		if found != "" {
			return d, fmt.Errorf("both %s and %s describe %s: remove one", found, path, model)
		}
		found = path
		err = form.decode(content)
		var unknown *toml.StrictMissingError
		if errors.As(err, &unknown) {
			err = errors.New(unknown.String())
		}
		if err != nil {
			return d, fmt.Errorf("%s describes the model beside it: %w; the keys are classes, size, crop, mean, std, white_level, "+
				"input, output, scores, positive, ordered, grades", path, err)
		}
	}
	return d, nil
}
