package install

import (
	"bytes"
	"cmp"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"fovea/internal/regular"
	"fovea/onnx/ort"
)

// inspect reads a file without executing anything in it. It returns the version of the ONNX Runtime library in it, if
// the file tells it (only ELF does), or why the file is no such library for this machine.
func inspect(path string) (version string, err error) {
	f, err := regular.Open(path)
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
		if err := ort.CheckVersion(version); err != nil {
			return version, fmt.Errorf("%s: %w", path, err)
		}
	}
	return version, nil
}

// fileSystem returns the family of systems that share a library format.
func fileSystem(goos string) string {
	if goos == "darwin" || goos == "windows" {
		return goos
	}
	return "linux"
}

func inspectELF(r io.ReaderAt) (system, machine, version string, err error) {
	f, err := elf.NewFile(r)
	if err != nil {
		return "", "", "", err
	}
	machine = map[elf.Machine]string{
		elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64", elf.EM_ARM: "arm", elf.EM_386: "386",
		elf.EM_RISCV: "riscv64", elf.EM_PPC64: "ppc64le", elf.EM_LOONGARCH: "loong64",
	}[f.Machine]
	machine = cmp.Or(machine, f.Machine.String())
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
		return "", "", "", ort.ErrNotRuntime
	}
	return "linux", machine, version, nil
}

func inspectMachO(r io.ReaderAt) (system, machine string, err error) {
	f, err := macho.NewFile(r)
	if err != nil {
		return "", "", err
	}
	machine = cmp.Or(map[macho.Cpu]string{macho.CpuAmd64: "amd64", macho.CpuArm64: "arm64"}[f.Cpu], f.Cpu.String())
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
	machine = cmp.Or(machine, fmt.Sprintf("machine %#x", f.Machine))
	return "windows", machine, nil
}
