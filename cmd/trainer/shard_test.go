package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tarred packs RetinaMNIST's images of a split into archives as WebDataset does: KEY.png and KEY.cls, the name of the
// class. Every image is there repeat times. It returns the archives.
func tarred(t *testing.T, split, to string, archives, repeat int) []string {
	t.Helper()
	files, err := filepath.Glob("../../data/testdata/retinamnist/" + split + "/*/*.png")
	if err != nil || files == nil {
		t.Fatal(files, err)
	}
	out := make([]bytes.Buffer, archives)
	for r := range repeat {
		for i, f := range files {
			w := tar.NewWriter(&out[(r*len(files)+i)*archives/(repeat*len(files))])
			key := fmt.Sprintf("%d-%s", r, strings.TrimSuffix(filepath.Base(f), ".png"))
			for _, m := range []struct {
				ending  string
				content []byte
			}{{".png", read(t, f)}, {".cls", []byte(filepath.Base(filepath.Dir(f)))}} {
				err := w.WriteHeader(&tar.Header{Name: key + m.ending, Size: int64(len(m.content)), Mode: 0o644})
				if err == nil {
					_, err = w.Write(m.content)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			w.Flush()
		}
	}
	var paths []string
	for i := range out {
		tar.NewWriter(&out[i]).Close()
		path := filepath.Join(to, fmt.Sprintf("%s-%06d.tar", split, i))
		if err := os.WriteFile(path, out[i].Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// done runs a command line that must succeed.
func done(t *testing.T, args ...string) (stdout string) {
	t.Helper()
	code, stdout, stderr := trainer(t, args...)
	if code != exitDone {
		t.Fatalf("trainer %q: exit code %d:\n%s%s", args, code, stdout, stderr)
	}
	return stdout
}

func glob(t *testing.T, pattern string, want int) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != want {
		t.Fatalf("%s: %q, %v", pattern, found, err)
	}
	return found
}

// TestShards: shards of predict, as CSV and as JSON lines, and of features merge to the bytes of one process. There are
// more shards than batches, and an image that cannot be read. What does not fit together is refused.
func TestShards(t *testing.T) {
	dir := t.TempDir()
	model := described(t, "8")
	images := tarred(t, "val", dir, 2, 1)[:1]
	bad := filepath.Join(dir, "bad.png")
	if err := os.WriteFile(bad, []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	command := func(verb, out string, more ...string) []string {
		list := append([]string{verb, "-model", model, "-out", filepath.Join(dir, out)}, images...)
		return append(list, more...)
	}
	equal := func(a, b string) {
		t.Helper()
		if !bytes.Equal(read(t, dir, a), read(t, dir, b)) {
			t.Errorf("%s is not %s", a, b)
		}
	}
	for _, test := range []struct {
		out    string
		shards int
		more   []string
	}{
		{"p.csv", 5, []string{"-batch", "7", bad}},
		{"q.jsonl", 12, []string{"-format", "jsonl", "-tta", "hflip", "-batch", "16"}},
	} {
		done(t, command("predict", "whole-"+test.out, test.more...)...)
		for i := range test.shards {
			done(t, append(command("predict", test.out, test.more...), "-shard", fmt.Sprintf("%d/%d", i+1, test.shards))...)
		}
		base, ext, _ := strings.Cut(test.out, ".")
		parts := glob(t, filepath.Join(dir, base+".*-of-*."+ext), test.shards)
		done(t, append([]string{"merge", "-out", filepath.Join(dir, test.out)}, parts...)...)
		equal(test.out, "whole-"+test.out)
	}
	for _, form := range []string{"npy", "csv"} {
		done(t, command("features", "w."+form)...)
		for i := range 3 {
			done(t, command("features", "f."+form, "-shard", fmt.Sprintf("%d/3", i+1))...)
		}
		done(t, append([]string{"merge", "-out", filepath.Join(dir, "f."+form)},
			glob(t, filepath.Join(dir, "f.*-of-3."+form), 3)...)...)
		equal("f."+form, "w."+form)
		equal("f.csv", "w.csv")
		for _, f := range glob(t, filepath.Join(dir, "f.*-of-3.*"), map[string]int{"npy": 9, "csv": 6}[form]) {
			os.Remove(f)
		}
	}

	// What is refused.
	part := func(i, n int, out string, more ...string) string {
		done(t, append(command("predict", out, more...), "-shard", fmt.Sprintf("%d/%d", i, n))...)
		width := len(fmt.Sprint(n))
		return filepath.Join(dir, fmt.Sprintf("%s.%0*d-of-%d.csv", strings.TrimSuffix(out, ".csv"), width, i, n))
	}
	one, two := part(1, 2, "r.csv"), part(2, 2, "r.csv")
	again, other, options := part(1, 2, "again.csv"), part(2, 3, "r.csv"), part(2, 2, "opt.csv", "-tta", "hflip")
	list, batch := part(2, 2, "list.csv", bad), part(2, 2, "batch.csv", "-batch", "3")
	pixels := part(2, 2, "pixels.csv", "-max-pixels", "90000")
	foreign := filepath.Join(dir, "foreign.2-of-2.csv")
	done(t, append(append([]string{"predict"}, foreignModel...), images[0], "-out", filepath.Join(dir, "foreign.csv"),
		"-shard", "2/2")...)
	plain, changed := filepath.Join(dir, "p.csv"), part(2, 2, "changed.csv")
	if err := os.WriteFile(changed, append(read(t, changed), "x\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		shards []string
		want   []string
	}{
		{[]string{one}, []string{"1 of 2 shards are missing: 2/2"}},
		{[]string{other}, []string{"2 of 3 shards are missing: 1/3, 3/3"}},
		{[]string{one, two, again}, []string{"the shard 1/2 is there twice", one, again}},
		{[]string{one, other}, []string{"the numbers of shards differ: 2 and 3", one, other}},
		{[]string{one, options}, []string{"the options differ: tta", one, options}},
		{[]string{one, pixels}, []string{"-max-pixels differs: 89478485 and 90000"}},
		{[]string{one, list}, []string{"the lists of images differ", one, list}},
		{[]string{one, batch}, []string{"-batch differs: 16 and 3", one, batch}},
		{[]string{one, foreign}, []string{"the models differ", one, foreign}},
		{[]string{one, plain}, []string{"has no record p.csv.shard.json", plain}},
		{[]string{one, changed}, []string{"is not as its shard left it", "repeat the shard 2/2", changed}},
		{[]string{one, filepath.Join(dir, "lost.csv")}, []string{"lost.csv"}},
	} {
		out := filepath.Join(dir, "merged.csv")
		code, _, stderr := trainer(t, append([]string{"merge", "-out", out}, test.shards...)...)
		for _, want := range test.want {
			if code != exitFailed || !strings.Contains(stderr, want) {
				t.Errorf("%q: exit code %d, want %q:\n%s", test.shards, code, want, stderr)
			}
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%q: a file is written", test.shards)
		}
	}
	for _, args := range [][]string{{"merge", "-out", one, one, two}, {"merge", "-out", "x"},
		{"predict", "-model", model, "-shard", "1/2", bad}, command("predict", "x.csv", "-shard", "0/2"),
		command("predict", "x.csv", "-shard", "auto"), command("features", "x.npy", "-shard", "1/2", "-skip-unreadable")} {
		if code, _, stderr := trainer(t, args...); code != exitUsage {
			t.Errorf("%q: exit code %d:\n%s", args, code, stderr)
		}
	}
}

// TestEvalShards: shards of eval on archives merge to the measures, tables and figures of one process, with an image
// that cannot be read.
func TestEvalShards(t *testing.T) {
	if testing.Short() {
		t.Skip("evaluates several times")
	}
	dir := t.TempDir()
	tarred(t, "val", dir, 3, 1)
	classes := "0_no_dr,1_mild_npdr,2_moderate_npdr,3_severe_npdr,4_pdr"
	command := func(out string, more ...string) []string {
		return append(append(append([]string{"eval"}, foreignModel...), "-classes", classes, "-data", dir, "-split", "val",
			"-rounds", "50", "-batch", "8", "-out", filepath.Join(dir, out)), more...)
	}
	var bad bytes.Buffer // the last archive
	w := tar.NewWriter(&bad)
	for _, m := range [][2]string{{"bad.cls", "4"}, {"bad.png", "no image"}} {
		w.WriteHeader(&tar.Header{Name: m[0], Size: int64(len(m[1])), Mode: 0o644})
		fmt.Fprint(w, m[1])
	}
	w.Close()
	if err := os.WriteFile(filepath.Join(dir, "val-bad.tar"), bad.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	done(t, command("whole", "-skip-unreadable")...)
	for i := range 4 {
		done(t, command("parts", "-skip-unreadable", "-shard", fmt.Sprintf("%d/4", i+1))...)
	}
	parts := glob(t, filepath.Join(dir, "parts", "shard_val.*-of-4.jsonl"), 4)
	// A kill leaves a line that is cut short, and no record.
	if err := os.Truncate(parts[1], int64(len(read(t, parts[1]))-9)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(parts[1] + ".shard.json"); err != nil {
		t.Fatal(err)
	}
	done(t, command("parts", "-skip-unreadable", "-resume", "-shard", "2/4")...)
	stdout := done(t, append([]string{"merge", "-out", filepath.Join(dir, "merged")}, parts...)...)
	if !strings.Contains(stdout, "roc_auc") {
		t.Errorf("printed:\n%s", stdout)
	}
	for _, name := range []string{"metrics_val.csv", "metrics_val.json", "predictions_val.csv", "figures/roc.svg",
		"figures/errors.png"} {
		if !bytes.Equal(read(t, dir, "merged", name), read(t, dir, "whole", name)) {
			t.Errorf("%s differs", name)
		}
	}
	read(t, dir, "merged", "report.html")

	code, _, stderr := trainer(t, append([]string{"merge", "-out", filepath.Join(dir, "x")}, parts[1:]...)...)
	if code != exitFailed || !strings.Contains(stderr, "1 of 4 shards are missing: 1/4") {
		t.Errorf("exit code %d:\n%s", code, stderr)
	}
	archive := filepath.Join(dir, "val-000001.tar")
	if err := os.Rename(archive, archive+".away"); err != nil {
		t.Fatal(err)
	}
	code, _, stderr = trainer(t, append([]string{"merge", "-out", filepath.Join(dir, "x")}, parts...)...)
	if code != exitFailed || !strings.Contains(stderr, "are not those of the shards") {
		t.Errorf("exit code %d:\n%s", code, stderr)
	}
}
