package weights

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cached makes the file of a snapshot in a hub's cache, as huggingface_hub does: a link to the content.
func cached(t *testing.T, hub, repository, commit, file string) string {
	t.Helper()
	folder := filepath.Join(hub, repository)
	path := filepath.Join(folder, "snapshots", commit, file)
	blob := filepath.Join(folder, "blobs", commit)
	for _, dir := range []string{filepath.Dir(path), filepath.Dir(blob), filepath.Join(folder, "refs")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(blob, []byte(commit), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../../blobs/"+commit, path); err != nil {
		t.Skip(err)
	}
	return path
}

func TestLocate(t *testing.T) {
	for _, name := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, "")
	}
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("USERPROFILE", dir)
	t.Chdir(dir)
	hubs := map[string]string{
		"HF_HUB_CACHE": "a", "HUGGINGFACE_HUB_CACHE": "b", "HF_HOME": "c/hub", "XDG_CACHE_HOME": "d/huggingface/hub",
		"": ".cache/huggingface/hub"}
	for variable, hub := range hubs {
		hub = filepath.Join(dir, hub)
		want := cached(t, hub, "models--YukunZhou--RETFound_mae_meh", "abc", "RETFound_mae_meh.pth")
		if variable != "" {
			above, _, _ := strings.Cut(hubs[variable], "/")
			t.Setenv(variable, filepath.Join(dir, above))
		}
		if got, err := Locate("RETFound_mae_meh"); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", variable, got, err, want)
		}
		if variable != "" {
			t.Setenv(variable, "")
		}
	}
	t.Setenv("HF_HOME", "~/h")
	hub := filepath.Join(dir, "h", "hub")
	old := cached(t, hub, "models--me--weights", "111", "weights.pth")
	main := cached(t, hub, "models--me--weights", "222", "weights.pth")
	newest := cached(t, hub, "models--me--weights", "333", "weights.pth")
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Dir(newest), later, later); err != nil {
		t.Fatal(err)
	}
	if got, err := Locate("me/weights"); err != nil || got != newest {
		t.Errorf("without a main: %s, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(hub, "models--me--weights", "refs", "main"), []byte("222\n"),
		0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := Locate("me/weights"); err != nil || got != main {
		t.Errorf("%s, %v, want %s", got, err, main)
	}
	if err := os.WriteFile("RETFound_mae_meh", []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"RETFound_mae_meh", old} {
		if got, err := Locate(path); err != nil || got != path {
			t.Errorf("a path: %s, %v", got, err)
		}
	}
	for name, want := range map[string]string{
		"RETFound_mae_shanghai": "hf download YukunZhou/RETFound_mae_shanghai RETFound_mae_shanghai.pth",
		"me/other":              "https://huggingface.co/me/other",
		"weights.pth":           "no such file",
		"../x/y":                "no such file",
		"a--b":                  "no such file",
		dir:                     "this is no file",
	} {
		if got, err := Locate(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v, want an error with %q", name, got, err, want)
		}
	}
}

// A service or a container may have no home: a variable says where the cache is.
func TestLocateWithoutHome(t *testing.T) {
	hub := t.TempDir()
	for _, name := range []string{"HOME", "USERPROFILE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, "")
	}
	t.Chdir(hub)
	t.Setenv("HF_HUB_CACHE", hub)
	want := cached(t, hub, "models--me--weights", "111", "weights.pth")
	if got, err := Locate("me/weights"); err != nil || got != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	for _, dir := range []string{"", "~/hub"} {
		t.Setenv("HF_HUB_CACHE", dir)
		if got, err := Locate("me/weights"); err == nil {
			t.Errorf("without a home %q is %s", dir, got)
		}
	}
}
