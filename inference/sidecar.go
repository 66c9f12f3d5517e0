package inference

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"fovea/internal/textfile"
)

// readSidecar reads the file beside a model that describes it, if there is one. An unknown key is an error: it may be a
// misspelt one.
func readSidecar(model string) (Description, error) {
	var d Description
	var found string
	for _, form := range []struct {
		suffix string
		decode func([]byte) error
	}{
		{".json", func(content []byte) error {
			in := json.NewDecoder(bytes.NewReader(content))
			in.DisallowUnknownFields()
			return in.Decode(&d)
		}},
		{".toml", func(content []byte) error {
			return toml.NewDecoder(bytes.NewReader(content)).DisallowUnknownFields().Decode(&d)
		}},
	} {
		path := strings.TrimSuffix(model, filepath.Ext(model)) + form.suffix
		content, err := os.ReadFile(path)
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
		if content, err = textfile.Decode(content); err == nil {
			err = form.decode(content)
		}
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
