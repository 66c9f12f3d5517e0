package main

import (
	"bytes"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStores: archives on a web server with signatures give the results of files, in shards too, and no signature reaches
// a file. A server that fails ends the command, where a missing image is a row of the table.
func TestStores(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	model := described(t, "8")
	archive := tarred(t, "val", dir, 1, 1)[0]
	files := http.FileServer(http.Dir(dir))
	down := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Get("sig") != "s1gnature":
			http.Error(w, "no", http.StatusForbidden)
		case down && r.Header.Get("Range") != "bytes=0-0":
			http.Error(w, "no", http.StatusNotImplemented)
		default:
			files.ServeHTTP(w, r)
		}
	}))
	defer server.Close()
	at := func(name string) string { return filepath.Join(out, name) }
	signed := server.URL + "/val-000000.tar?sig=s1gnature"
	done(t, "predict", "-model", model, "-out", at("local.csv"), archive)
	for _, s := range []string{"1/2", "2/2"} {
		done(t, "predict", "-model", model, "-out", at("p.csv"), "-shard", s, signed)
	}
	done(t, append([]string{"merge", "-out", at("p.csv")}, glob(t, at("p.*-of-2.csv"), 2)...)...)
	if want := bytes.ReplaceAll(read(t, at("local.csv")), []byte(dir), []byte(server.URL)); !bytes.Equal(read(t, at("p.csv")), want) {
		t.Error("the table is not that of the files")
	}
	evaluate := append(append([]string{"eval"}, foreignModel...), "-classes",
		"0_no_dr,1_mild_npdr,2_moderate_npdr,3_severe_npdr,4_pdr", "-split", "val", "-rounds", "50", "-out")
	done(t, append(evaluate, at("eval"), "-data="+signed)...)
	done(t, append(evaluate, at("local"), "-data", archive)...)
	for _, name := range []string{"metrics_val.json", "confusion_matrix_val.png"} {
		if !bytes.Equal(read(t, at("eval"), name), read(t, at("local"), name)) {
			t.Errorf("%s is not that of the files", name)
		}
	}
	err := filepath.WalkDir(out, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && bytes.Contains(read(t, path), []byte("s1gnature")) {
			t.Errorf("%s holds the signature", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}

	missing := server.URL + "/none.png?sig=s1gnature"
	one := filepath.Join(dir, "one.png")
	if err := os.WriteFile(one, read(t, glob(t, "../../data/testdata/retinamnist/val/4_pdr/*.png", 6)[0]), 0o644); err != nil {
		t.Fatal(err)
	}
	lines := filepath.Join(dir, "list")
	if err := os.WriteFile(lines, []byte(missing+"\n"+server.URL+"/one.png?sig=s1gnature\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	defer func(stdin *os.File) { os.Stdin = stdin }(os.Stdin)
	for _, test := range []struct {
		down bool
		code int
		want string
	}{{false, exitDone, "there is no such object"}, {true, exitFailed, "answered 501"}} {
		down = test.down
		list, err := os.Open(lines)
		if err != nil {
			t.Fatal(err)
		}
		os.Stdin = list
		code, stdout, stderr := trainer(t, "predict", "-model", model, "-")
		list.Close()
		if code != test.code || !strings.Contains(stdout+stderr, test.want) || strings.Contains(stdout+stderr, "hidden") {
			t.Errorf("exit code %d: %s%s", code, stdout, stderr)
		}
	}
}
