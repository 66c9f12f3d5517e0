package install

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// fetchModule lets the Go command fetch the module that carries the library, with the user's GOPROXY, GOSUMDB and
// module cache.
func fetchModule(ctx context.Context, temporary string, p bytesDone) (library string, err error) {
	var release moduleRelease
	for _, r := range moduleReleases {
		if r.system == thisSystem {
			release = r
			break
		}
	}
	if release.module == "" {
		return "", fmt.Errorf("go: no known Go module carries a library for %s", thisSystem)
	}
	name := release.module + "@" + release.version
	tool, err := exec.LookPath("go")
	if err != nil {
		return "", fmt.Errorf("go mod download %s: %w", name, err)
	}
	// With a module of its own the command takes no settings from a folder above.
	if err := os.WriteFile(filepath.Join(temporary, "go.mod"), []byte("module fetch\n"), 0o600); err != nil {
		return "", err
	}
	command := func(arguments ...string) *exec.Cmd {
		c := exec.CommandContext(ctx, tool, arguments...)
		c.Dir = temporary
		c.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -mod=mod"))
		return c
	}
	if modules, err := runCommand(command("env", "GOMODCACHE")); err == nil {
		partial := filepath.Join(strings.TrimSpace(string(modules)), "cache", "download",
			filepath.FromSlash(release.module), "@v", release.version+".zip*")
		defer watch(func() int64 { return globBytes(partial) }, release.bytes, p)()
	}
	out, err := runCommand(command("mod", "download", "-json", name))
	var answer struct{ Dir, Error string }
	if json.Unmarshal(out, &answer) == nil && answer.Error != "" {
		return "", fmt.Errorf("go mod download %s: %s", name, answer.Error)
	}
	if err != nil {
		return "", fmt.Errorf("go mod download %s: %w", name, err)
	}
	library = filepath.Join(answer.Dir, filepath.FromSlash(release.file))
	if err := checkSum(library, release.sum); err != nil {
		return "", fmt.Errorf("go mod download %s: %w", name, err)
	}
	return library, nil
}

// fetchWheel lets pip fetch the package onnxruntime, with the user's index, proxy and certificates. Nothing is
// installed into Python.
func fetchWheel(ctx context.Context, temporary string, p bytesDone) (library string, err error) {
	requirement := "onnxruntime==" + pipVersion
	found := pythons()
	if len(found) == 0 {
		return "", fmt.Errorf("pip download %s: no python3 found in $PATH", requirement)
	}
	defer watch(func() int64 { return folderBytes(temporary) }, wheelBytes, p)()
	// If this Python has no wheel of its own, the wheel of another will do: only the library in it counts.
	wheel, err := pipDownload(ctx, found[0], requirement, temporary)
	if err != nil && ctx.Err() == nil {
		other, failed := pipDownload(ctx, found[0], requirement, temporary, "--python-version", wheelPython)
		if failed == nil {
			wheel, err = other, nil
		}
	}
	if err != nil {
		return "", err
	}
	library, err = unpack(wheel, temporary)
	if err != nil {
		return "", fmt.Errorf("pip download %s: %w", requirement, err)
	}
	sum, err := fileSum(library)
	if err != nil {
		return "", err
	}
	if wheelSums[sum] != thisSystem {
		return "", fmt.Errorf("pip download %s: the library in %s has the SHA-256 %s, which is not known for %s: "+
			"damaged, changed or built by someone else, not used",
			requirement, filepath.Base(wheel), sum, thisSystem)
	}
	return library, nil
}

// pipDownload lets pip fetch a package's wheel into the folder and returns its path.
func pipDownload(ctx context.Context, python, requirement, folder string, more ...string) (wheel string, err error) {
	wheels := filepath.Join(folder, "wheels")
	arguments := append([]string{"-m", "pip", "download", "--quiet", "--disable-pip-version-check",
		"--no-deps", "--only-binary=:all:", "--dest", wheels}, more...)
	c := pythonCommand(ctx, python, append(arguments, requirement)...)
	c.Env = append(os.Environ(), "TMPDIR="+folder)
	if links := os.Getenv("PIP_FIND_LINKS"); links != "" {
		c.Env = append(c.Env, "PIP_FIND_LINKS="+absolutePaths(links))
	}
	if _, err := runCommand(c); err != nil {
		return "", fmt.Errorf("pip download %s: %w", requirement, err)
	}
	files, err := filepath.Glob(filepath.Join(quotePattern(wheels), "*.whl"))
	if err == nil && len(files) == 0 {
		err = errors.New("no wheel was downloaded")
	}
	if err != nil {
		return "", fmt.Errorf("pip download %s: %w", requirement, err)
	}
	return files[0], nil
}

// absolutePaths makes absolute those of the words that are files or folders of the working directory.
func absolutePaths(words string) string {
	list := strings.Fields(words)
	for i, word := range list {
		if path, err := filepath.Abs(word); err == nil {
			if _, err := os.Stat(path); err == nil {
				list[i] = path
			}
		}
	}
	return strings.Join(list, " ")
}

// runCommand runs a command and returns its standard output. The error carries the last lines of its standard error.
func runCommand(c *exec.Cmd) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	// A child that outlives its killed parent may hold the pipes open.
	c.WaitDelay = 2 * time.Second
	err := c.Run()
	if text := strings.TrimSpace(stderr.String()); err != nil && text != "" {
		if lines := strings.Split(text, "\n"); len(lines) > 4 {
			text = strings.Join(lines[len(lines)-4:], "\n")
		}
		err = fmt.Errorf("%w: %s", err, text)
	}
	return stdout.Bytes(), err
}

// watch reports the size of a growing download until the returned function is called. Neither the Go command nor pip
// tells its progress.
func watch(size func() int64, total int64, p bytesDone) (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		most := int64(0) // size may miss a file that is moved at this moment
		for {
			select {
			case <-quit:
				p(total, total)
				return
			case <-tick.C:
				most = max(most, min(size(), total))
				p(most, total)
			}
		}
	}()
	return func() { close(quit); <-ended }
}

func globBytes(pattern string) (bytes int64) {
	paths, _ := filepath.Glob(pattern)
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}

func folderBytes(dir string) (bytes int64) {
	filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // removed meanwhile
		}
		if info, err := e.Info(); err == nil && !e.IsDir() {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}
