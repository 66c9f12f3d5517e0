// Release builds archives of Fovea that run without Go, a C compiler, Python or a network.
//
//	go run ./tools/release -out dist
//	go run ./tools/release -out dist -zig "python3 -m ziglang" linux/amd64 linux/arm64
//
// An archive holds the stripped program, ONNX Runtime's library beside it, the licences of all that is linked, the
// pages, the configs and two small sets of images. The same files give the same bytes. SHA256SUMS lists the archives of
// the call.
//
// ONNX Runtime comes with pip from the wheel that onnx/ort/install knows by its SHA-256, and stays in -wheels. The
// program is built with gcc for this machine or a cross compiler of Debian (gcc-aarch64-linux-gnu), or with -zig, which
// builds for every system here and for Linux with glibc 2.28, the one that ONNX Runtime's wheel needs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"fovea/onnx/ort/install"
)

// A target is a system that archives are built for.
type target struct {
	system string // GOOS/GOARCH
	gcc    string // compiler's command
	deb    string // Debian's package of it
	zig    string // zig's name of the system
}

var targets = []target{
	{"linux/amd64", "x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu", "x86_64-linux-gnu.2.28"},
	{"linux/arm64", "aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu", "aarch64-linux-gnu.2.28"},
	{"windows/amd64", "x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64", "x86_64-windows-gnu"},
	{"darwin/arm64", "", "", "aarch64-macos"},
}

// A builder makes archives of one commit.
type builder struct {
	out, wheels, zig string
	version          string
	time             time.Time // of the commit; all files of an archive have it
}

func main() {
	b := builder{}
	flag.StringVar(&b.out, "out", "dist", "folder of the archives")
	flag.StringVar(&b.wheels, "wheels", "", "folder that keeps ONNX Runtime's wheels (default: wheels in -out)")
	flag.StringVar(&b.zig, "zig", "", `command of zig, the C compiler to use instead of gcc; may have arguments`)
	flag.StringVar(&b.version, "version", "", "version of the archives (default: git describe)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.run(ctx, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func (b *builder) run(ctx context.Context, systems []string) error {
	if len(systems) == 0 {
		systems = []string{runtime.GOOS + "/" + runtime.GOARCH}
	}
	if b.wheels == "" {
		b.wheels = filepath.Join(b.out, "wheels")
	}
	if err := b.readCommit(ctx); err != nil {
		return err
	}
	var sums strings.Builder
	for _, system := range systems {
		t, err := find(system)
		if err != nil {
			return err
		}
		path, needs, err := b.archive(ctx, t)
		if err != nil {
			return fmt.Errorf("%s: %w", system, err)
		}
		sum, err := fileSum(path)
		if err != nil {
			return err
		}
		fmt.Printf("%s  %s\n", path, needs)
		fmt.Fprintf(&sums, "%s  %s\n", sum, filepath.Base(path))
	}
	return os.WriteFile(filepath.Join(b.out, "SHA256SUMS"), []byte(sums.String()), 0o644)
}

func find(system string) (target, error) {
	var known []string
	for _, t := range targets {
		if t.system == system {
			return t, nil
		}
		known = append(known, t.system)
	}
	return target{}, fmt.Errorf("no archive is made for %q; one of %s", system, strings.Join(known, ", "))
}

// readCommit asks git for the time of the commit and, unless a flag gave it, the version.
func (b *builder) readCommit(ctx context.Context) error {
	seconds, err := output(ctx, nil, "git", "log", "-1", "--format=%ct")
	if err != nil {
		return fmt.Errorf("the time of the commit: %w", err)
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return fmt.Errorf("the time of the commit: %w", err)
	}
	b.time = time.Unix(unix, 0).UTC()
	if b.version == "" {
		if b.version, err = output(ctx, nil, "git", "describe", "--tags", "--always", "--dirty"); err != nil {
			return fmt.Errorf("the version; name one with -version: %w", err)
		}
	}
	return nil
}

// archive writes the archive of a system and returns its path and what a machine must have to run it.
func (b *builder) archive(ctx context.Context, t target) (path, needs string, err error) {
	temporary, err := os.MkdirTemp("", "fovea-release-*")
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(temporary)
	environ, err := b.environ(t)
	if err != nil {
		return "", "", err
	}
	program := filepath.Join(temporary, "trainer")
	if strings.HasPrefix(t.system, "windows") {
		program += ".exe"
	}
	_, err = output(ctx, environ, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags=-s -w -buildid= -X main.release="+b.version, "-o", program, "./cmd/trainer")
	if err != nil {
		return "", "", err
	}
	ort, err := install.ForRelease(ctx, t.system, b.wheels)
	if err != nil {
		return "", "", err
	}
	files, err := shipped(".")
	if err != nil {
		return "", "", err
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		return "", "", err
	}
	glibc, err := glibcOf(t.system, binary, ort.Library)
	if err != nil {
		return "", "", err
	}
	files[filepath.Base(program)] = entry{content: binary, program: true}
	files[ort.Name] = entry{content: ort.Library}
	for name, text := range ort.Texts {
		files["LICENSES/onnxruntime/"+name] = entry{content: text}
	}
	if err := addLicences(ctx, environ, files); err != nil {
		return "", "", err
	}
	compiler, err := output(ctx, environ, "go", "env", "GOVERSION")
	if err != nil {
		return "", "", err
	}
	needs = strings.TrimSpace(t.system + " " + glibc)
	files["VERSION"] = entry{content: fmt.Appendf(nil, "Fovea %s, built with %s for %s, with ONNX Runtime %s\n",
		b.version, compiler, needs, ort.Version)}
	name := "fovea-" + strings.ReplaceAll(b.version, "/", "-") + "-" + strings.ReplaceAll(t.system, "/", "-")
	path = filepath.Join(b.out, name+".tar.gz")
	return path, needs, writeArchive(path, name, files, b.time)
}

// environ returns the environment of go build for a target.
func (b *builder) environ(t target) ([]string, error) {
	goos, goarch, _ := strings.Cut(t.system, "/")
	cc := t.gcc
	switch {
	case b.zig != "":
		cc = b.zig + " cc -target " + t.zig
	case t.system == runtime.GOOS+"/"+runtime.GOARCH:
		cc = "gcc"
	case cc == "":
		return nil, errors.New("no cross compiler is known; use -zig, or build on such a machine")
	}
	if command, _, _ := strings.Cut(cc, " "); cc != "" {
		if _, err := exec.LookPath(command); err != nil {
			return nil, fmt.Errorf("%w; on Debian: apt-get install %s; or use -zig", err, t.deb)
		}
	}
	return append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=1", "CC="+cc, "GOFLAGS=-mod=readonly",
		"GOAMD64=v1", "GOARM64=v8.0", "CGO_CFLAGS=-O2", "CGO_LDFLAGS="), nil
}

// output runs a command and returns what it printed, without the last line break.
func output(ctx context.Context, environ []string, name string, arguments ...string) (string, error) {
	c := exec.CommandContext(ctx, name, arguments...)
	c.Env = environ
	var complaint strings.Builder
	c.Stderr = &complaint
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, arguments[0], err, complaint.String())
	}
	return strings.TrimSpace(string(out)), nil
}
