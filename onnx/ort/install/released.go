package install

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"fovea/internal/regular"
	"fovea/internal/zipfile"
)

// wheelPlatforms names the platforms of onnxruntime's wheels, by GOOS/GOARCH.
var wheelPlatforms = map[string][]string{
	"linux/amd64":   {"manylinux_2_27_x86_64", "manylinux_2_28_x86_64"},
	"linux/arm64":   {"manylinux_2_27_aarch64", "manylinux_2_28_aarch64"},
	"darwin/arm64":  {"macosx_14_0_arm64"},
	"windows/amd64": {"win_amd64"},
}

// A Released is ONNX Runtime as a release of Fovea carries it.
type Released struct {
	Version string
	Name    string            // file name of the library, as besideProgram looks for it
	Library []byte            // its SHA-256 stands in this package
	Texts   map[string][]byte // its licences, by file name
}

// ForRelease returns ONNX Runtime for another system (GOOS/GOARCH). It comes from a wheel in the folder if that has one
// for the system, else from pip, which stores it there.
func ForRelease(ctx context.Context, system, folder string) (Released, error) {
	requirement := "onnxruntime==" + pipVersion
	platforms := wheelPlatforms[system]
	if platforms == nil {
		return Released{}, fmt.Errorf("no wheel of ONNX Runtime is known for %s", system)
	}
	folder = filepath.Join(folder, strings.ReplaceAll(system, "/", "-"))
	if err := os.MkdirAll(filepath.Join(folder, "wheels"), 0o755); err != nil {
		return Released{}, err
	}
	wheels, err := filepath.Glob(filepath.Join(quotePattern(folder), "wheels", "*.whl"))
	if err == nil && len(wheels) == 0 {
		python := pythons()
		if len(python) == 0 {
			return Released{}, fmt.Errorf("pip download %s: no python3 found in $PATH", requirement)
		}
		arguments := []string{"--python-version", wheelPython}
		for _, platform := range platforms {
			arguments = append(arguments, "--platform", platform)
		}
		wheels = make([]string, 1)
		wheels[0], err = pipDownload(ctx, python[0], requirement, folder, arguments...)
	}
	if err != nil {
		return Released{}, err
	}
	r, err := readWheel(wheels[0], system)
	if err != nil {
		return Released{}, fmt.Errorf("%s: %w", wheels[0], err)
	}
	return r, nil
}

// readWheel returns the library and the licences in a wheel of onnxruntime.
func readWheel(file, system string) (Released, error) {
	f, err := regular.Open(file)
	if err != nil {
		return Released{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Released{}, err
	}
	archive, err := zipfile.NewReader(f, info.Size(), 64<<20)
	if err != nil {
		return Released{}, err
	}
	r := Released{Version: pipVersion, Name: libraryNameOn(system), Texts: map[string][]byte{}}
	stem := strings.TrimSuffix(strings.TrimSuffix(r.Name, ".so"), ".dylib")
	texts := []string{"onnxruntime/LICENSE", "onnxruntime/ThirdPartyNotices.txt"}
	for _, member := range archive.File {
		text := slices.Contains(texts, member.Name)
		library := path.Dir(member.Name) == "onnxruntime/capi" && strings.HasPrefix(path.Base(member.Name), stem+".") ||
			member.Name == "onnxruntime/capi/"+r.Name
		if !text && !library {
			continue
		}
		opened, err := member.Open()
		if err != nil {
			return Released{}, err
		}
		content, err := io.ReadAll(opened)
		opened.Close()
		if err != nil {
			return Released{}, fmt.Errorf("%s: %w", member.Name, err)
		}
		if text {
			r.Texts[path.Base(member.Name)] = content
		} else if sum := sumOf(content); wheelSums[sum] != system {
			return Released{}, fmt.Errorf("%s has the SHA-256 %s, which is not known for %s: not used",
				member.Name, sum, system)
		} else {
			r.Library = content
		}
	}
	if r.Library == nil || len(r.Texts) != len(texts) {
		return Released{}, fmt.Errorf("it lacks the library or its licences (%s)", strings.Join(texts, ", "))
	}
	return r, nil
}
