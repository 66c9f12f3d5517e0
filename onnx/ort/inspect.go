package ort

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// The versions that the tests ran with; newer ones keep the interfaces of older
// ones and are taken too.
const (
	oldestVersion = "1.26"
	newestTested  = "1.32"
)

// inspect looks at a file before anything in it is executed. It returns an
// error that says why the file is no ONNX Runtime library for this machine, and
// the library's version where the file tells it (ELF).
func inspect(path string) (version string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return "", err
	} else if info.IsDir() {
		return "", fmt.Errorf("%s is a folder, not a library", path)
	}
	head := make([]byte, 4)
	if _, err := f.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading %s: %w", path, err)
	}

	var system, machine string
	switch {
	case bytes.Equal(head, []byte(elf.ELFMAG)):
		system, machine, version, err = inspectELF(f)
	case bytes.Equal(head, []byte{0xcf, 0xfa, 0xed, 0xfe}):
		system, machine, err = inspectMachO(f)
	case bytes.HasPrefix(head, []byte("MZ")):
		system, machine, err = inspectPE(f)
	case bytes.Equal(head, []byte{0xca, 0xfe, 0xba, 0xbe}): // several machines in one file: the loader picks
		system, machine = "darwin", runtime.GOARCH
	default:
		return "", fmt.Errorf("%s is no shared library", path)
	}
	if err != nil {
		return "", fmt.Errorf("%s is no usable shared library: %w", path, err)
	}
	if want := fileSystem(runtime.GOOS); system != want || machine != runtime.GOARCH {
		return "", fmt.Errorf("%s is a library for %s/%s, but this machine needs one for %s/%s",
			path, system, machine, want, runtime.GOARCH)
	}
	if version != "" {
		if err := checkVersion(version); err != nil {
			return version, fmt.Errorf("%s: %w", path, err)
		}
	}
	return version, nil
}

// fileSystem names the family of systems that share a library format.
func fileSystem(goos string) string {
	if goos == "darwin" || goos == "windows" {
		return goos
	}
	return "linux"
}

var errNoRuntime = errors.New("it is a shared library, but not ONNX Runtime: it has no function OrtGetApiBase")

func inspectELF(r io.ReaderAt) (system, machine, version string, err error) {
	f, err := elf.NewFile(r)
	if err != nil {
		return "", "", "", err
	}
	machine = map[elf.Machine]string{
		elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64", elf.EM_ARM: "arm", elf.EM_386: "386",
		elf.EM_RISCV: "riscv64", elf.EM_PPC64: "ppc64le", elf.EM_LOONGARCH: "loong64",
	}[f.Machine]
	if machine == "" {
		machine = f.Machine.String()
	}
	if f.Type != elf.ET_DYN {
		return "", "", "", fmt.Errorf("it is an ELF file of type %s", f.Type)
	}
	symbols, err := f.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return "", "", "", err
	}
	found := false
	for _, s := range symbols {
		if s.Name == "OrtGetApiBase" && s.Section != elf.SHN_UNDEF {
			found = true
			version = strings.TrimPrefix(s.Version, "VERS_")
		}
	}
	if !found {
		return "", "", "", errNoRuntime
	}
	return "linux", machine, version, nil
}

func inspectMachO(r io.ReaderAt) (system, machine string, err error) {
	f, err := macho.NewFile(r)
	if err != nil {
		return "", "", err
	}
	machine = map[macho.Cpu]string{macho.CpuAmd64: "amd64", macho.CpuArm64: "arm64"}[f.Cpu]
	if machine == "" {
		machine = f.Cpu.String()
	}
	return "darwin", machine, nil
}

func inspectPE(r io.ReaderAt) (system, machine string, err error) {
	f, err := pe.NewFile(r)
	if err != nil {
		return "", "", err
	}
	machine = map[uint16]string{
		pe.IMAGE_FILE_MACHINE_AMD64: "amd64", pe.IMAGE_FILE_MACHINE_ARM64: "arm64", pe.IMAGE_FILE_MACHINE_I386: "386",
	}[f.Machine]
	if machine == "" {
		machine = fmt.Sprintf("machine %#x", f.Machine)
	}
	return "windows", machine, nil
}

// checkVersion says whether a library of this version offers the interface that
// is needed: ONNX Runtime 1.N offers the interfaces 1 to N.
func checkVersion(version string) error {
	major, minor, ok := parseVersion(version)
	if !ok {
		return fmt.Errorf("ONNX Runtime tells the version %q, which is none", version)
	}
	if major == 1 && minor < wantAPI {
		return fmt.Errorf("too old: ONNX Runtime %s offers API %d; fovea needs %d: ONNX Runtime %s to %s",
			version, minor, wantAPI, oldestVersion, newestTested)
	}
	return nil
}

// parseVersion reads "1.27.0" or "1.27.0-rc1".
func parseVersion(version string) (major, minor int, ok bool) {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return 0, 0, false
	}
	minor, err = strconv.Atoi(parts[1])
	return major, minor, err == nil
}
