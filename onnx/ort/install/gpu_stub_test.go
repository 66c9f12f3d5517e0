package install

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/onnx/cuda"
	"fovea/onnx/ort/internal/orttest"
)

// The stock GPU build is in the cache, stand-ins of tools/cudastub are where NVIDIA's libraries are looked for, and the
// loader's path has only a stand-in driver. With them a CUDA session is made and run, and each thing that is missing or
// unsuitable has its own error.
func TestCUDAFromTheCache(t *testing.T) {
	onlyLinux(t)
	folder := os.Getenv("FOVEA_CUDA_STUB")
	if folder == "" {
		t.Skip("needs the stand-in CUDA libraries: python3 tools/cudastub/cudastub.py DIR, then FOVEA_CUDA_STUB=DIR")
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		t.Fatal(err)
	}
	cache := emptyMachine(t, nil)
	t.Setenv("PATH", startPath)
	link := func(from, to string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.Symlink(from, to)); err != nil {
			t.Fatal(err)
		}
	}
	build := filepath.Join(cache, "1.31.1-cuda13", systemFolder)
	libraries := filepath.Join(cache, "cuda13", systemFolder)
	library := filepath.Join(build, libraryName())
	link(filepath.Join(folder, "ort", libraryName()+".1.31.1"), library)
	stamp(t, library)
	for _, name := range []string{providerName(), "libonnxruntime_providers_shared.so"} {
		link(filepath.Join(folder, "ort", name), filepath.Join(build, name))
		stamp(t, filepath.Join(build, name))
	}
	for _, name := range required {
		link(filepath.Join(folder, "stub", name), filepath.Join(libraries, name))
		stamp(t, filepath.Join(libraries, name))
	}
	loader := t.TempDir()
	link(filepath.Join(folder, "stub", "libcuda.so.1"), filepath.Join(loader, "libcuda.so.1"))
	check := func(action, provider string, machine []string, words ...string) {
		t.Helper()
		out, _ := orttest.InChild(t, action, append([]string{providerEnv + "=" + provider, "LD_LIBRARY_PATH=" + loader},
			machine...)...)
		for _, word := range words {
			if !strings.Contains(out, word) {
				t.Errorf("%s with provider %s lacks %q:\n%s", action, provider, word, out)
			}
		}
	}
	check("check", "cuda", nil, "usable")
	check("check", "auto", nil, "usable")
	check("check", "cuda", []string{"FOVEA_CUDA_STUB_DEVICES=0"}, cuda.ErrNoDevice.Error(), "CUDA_VISIBLE_DEVICES")
	check("check", "cuda", []string{"FOVEA_CUDA_STUB_DRIVER=12080"},
		"offers CUDA 12.8", "built for CUDA 13", "update the driver")
	if _, err := cuda.Devices(); errors.Is(err, cuda.ErrNoDriver) {
		check("check", "cuda", []string{"LD_LIBRARY_PATH="}, cuda.ErrNoDriver.Error(), "install it")
	}

	// The stand-ins compute nothing, which doctor notices.
	check("gpu doctor", "auto", []string{"FOVEA_CUDA_STUB_MEMORY=24000000000"},
		"0: stand-in, compute capability 9.0, 24.0 of 24.0 GB free", "offers CUDA 13.0", "no cuDNN (libcudnn.so.9)",
		filepath.Join(libraries, "libcublas.so.13")+" (the cache)", "cuda session  fails", "differs by",
		"ready, on the CPU")
	check("gpu doctor", "cpu", nil, "0: stand-in")

	for _, name := range required {
		path := filepath.Join(libraries, name)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		check("check", "cuda", nil, name+" is missing", "trainer runtime install -gpu")
		check("gpu doctor", "cuda", nil, "problem       "+name+" is missing", "trainer runtime install -gpu")
		link(filepath.Join(folder, "stub", name), path)
	}
	// No sum beside a library vouches for it.
	path := filepath.Join(libraries, required[0])
	remembered, err := sumsFile()
	if err := errors.Join(err, os.Remove(remembered)); err != nil {
		t.Fatal(err)
	}
	check("check", "cuda", nil, path+" has the SHA-256", "trainer runtime install -gpu")
	check("gpu doctor", "cuda", nil, "problem       "+path+" is damaged", "trainer runtime install -gpu")
}
