package install

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// besideProgram returns the library in the folder of this program, where a release of Fovea has it. Only a library
// whose SHA-256 stands in this package is taken: others may be able to write to the folder, such as that of downloads.
func besideProgram(context.Context) []candidate {
	program, err := os.Executable()
	if err == nil {
		program, err = filepath.EvalSymlinks(program)
	}
	if err != nil {
		return nil
	}
	return knownIn(filepath.Dir(program))
}

// knownIn returns the libraries in a folder whose SHA-256 stands in this package.
func knownIn(folder string) []candidate {
	var found []candidate
	for _, path := range librariesIn(folder) {
		sum, err := fileSum(path)
		if err == nil && !knownSum(sum) {
			err = fmt.Errorf("%s has the SHA-256 %s, which is not known: damaged or changed; unpack the archive again, "+
				"or set %s=%s if it is yours", path, sum, EnvLibrary, path)
		}
		if err != nil {
			slog.Warn("the library beside the program is not used", "reason", err)
			continue
		}
		found = append(found, candidate{path, "beside the program"})
	}
	return found
}
