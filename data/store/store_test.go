package store

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// both returns a path of each kind for an object of the fake.
func both(key string) []string {
	return []string{"s3://bucket/" + key, os.Getenv("AWS_ENDPOINT_URL") + "/bucket/" + key}
}

// TestFolders: a prefix lists as the folder does that has the same files.
func TestFolders(t *testing.T) {
	objects, dir := map[string]string{}, t.TempDir()
	for _, name := range []string{"a/1.jpg", "a/2.jpg", "a/b/3.jpg", "a-b/4.jpg", "5.jpg", "a/b/c/d.e/ü 6%2F?+&.jpg"} {
		objects["bucket/set/"+name] = name
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(name), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	newFake(t, objects)
	objects["bucket/set/a/"] = "" // the mark of a folder
	for _, folder := range []string{"", "/a", "/a/b"} {
		folders, files, err := ReadDir("s3://bucket/set" + folder)
		wantFolders, wantFiles, err2 := ReadDir(dir + folder)
		if err := errors.Join(err, err2); err != nil || !slices.Equal(folders, wantFolders) || !slices.Equal(files, wantFiles) {
			t.Errorf("%s: %q %q, %v, want %q %q", folder, folders, files, err, wantFolders, wantFiles)
		}
	}
	walked, err := Walk("s3://bucket/set/")
	if want := []string{"1.jpg", "2.jpg"}; err != nil || len(walked) != 5 || !slices.Equal(walked["s3://bucket/set/a"], want) {
		t.Errorf("%q, %v", walked, err)
	}
	content, err := ReadFile("s3://bucket/set/a/b/c/d.e/ü 6%2F?+&.jpg", 100)
	if err != nil || string(content) != "a/b/c/d.e/ü 6%2F?+&.jpg" {
		t.Errorf("%q, %v", content, err)
	}
	for path, folder := range map[string]bool{"s3://bucket": true, "s3://bucket/set": true, "s3://bucket/set/a/": true, "s3://bucket/set/5.jpg": false} {
		if i, err := Stat(path); err != nil || i.IsDir() != folder {
			t.Errorf("%s: %v, %v", path, i, err)
		}
	}
	if found, err := Glob("s3://bucket/set/a/*.jpg"); err != nil || !slices.Equal(found, []string{"s3://bucket/set/a/1.jpg", "s3://bucket/set/a/2.jpg"}) {
		t.Errorf("%q, %v", found, err)
	}
	if _, err := Stat("s3://bucket/set/b"); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrFailed) {
		t.Error(err)
	}
	if _, _, err := ReadDir(os.Getenv("AWS_ENDPOINT_URL") + "/bucket/set"); err == nil || !strings.Contains(err.Error(), "gives no list") {
		t.Error(err)
	}
}

// TestReadAt: any reads give the bytes of the object, also when each connection ends early, and when the server knows no
// ranges. Reads that follow one another share requests; what lies between reads that are far apart is not fetched.
func TestReadAt(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	for name, before := range map[string]func(w http.ResponseWriter, r *http.Request) bool{
		"plain": nil,
		"cut":   nil,
		"no ranges": func(w http.ResponseWriter, r *http.Request) bool {
			r.Header.Del("Range")
			return false
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, map[string]string{"bucket/x.tar": body})
			f.before = before
			if name == "cut" {
				f.cuts = 2
			}
			for _, path := range both("x.tar") {
				o, err := Open(path)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range [][2]int{{0, 512}, {512, 512}, {1024, 5000}, {700_000, 100}, {900_000, 20_000}, {3, 9},
					{1<<20 - 5, 5}} {
					p := make([]byte, r[1])
					if n, err := o.ReadAt(p, int64(r[0])); n != r[1] || err != nil || string(p) != body[r[0]:r[0]+r[1]] {
						t.Errorf("%s at %v: %d bytes, %v", path, r, n, err)
					}
				}
				if n, err := o.ReadAt(make([]byte, 9), 1<<20-5); n != 5 || err != io.EOF {
					t.Errorf("at the end: %d, %v", n, err)
				}
				o.Close()
			}
			if name == "plain" && f.bytes > 400_000 {
				t.Errorf("%d bytes were sent", f.bytes)
			}
		})
	}
}

// TestFaults: what passes is repeated, what stays is an error of one line that says what to do.
func TestFaults(t *testing.T) {
	body := strings.Repeat("x", 100_000) + "end"
	type hook = func(w http.ResponseWriter, r *http.Request) bool
	status := func(n int, code, region string, times int) hook {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Query().Has("location") {
				return false
			}
			if times--; times < 0 {
				return false
			}
			refuse(w, n, code, region)
			return true
		}
	}
	for _, test := range []struct {
		name   string
		before hook
		cuts   int
		kind   error // nil: it is read
		want   string
	}{
		{"503 twice", status(503, "SlowDown", "", 2), 0, nil, ""},
		{"503 for ever", status(503, "SlowDown", "", 1e6), 0, ErrFailed, "answered 503 SlowDown in each of 4 attempts: try again later"},
		{"cut three times", nil, 3, nil, ""},
		{"cut for ever", nil, 1e6, ErrFailed, "in 4 attempts (unexpected EOF): check the network"},
		{"403", status(403, "AccessDenied", "", 1e6), 0, fs.ErrPermission, "no permission to read it ("},
		{"404", status(404, "NoSuchKey", "", 1e6), 0, fs.ErrNotExist, "there is no such object"},
		{"no bucket", status(404, "NoSuchBucket", "", 1e6), 0, ErrFailed, "there is no such bucket"},
		{"region", status(400, "AuthorizationHeaderMalformed", "eu-north-1", 1e6), 0, ErrFailed, "set AWS_REGION=eu-north-1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for i := range 2 {
				f := newFake(t, map[string]string{"bucket/k.jpg": body})
				f.before, f.cuts = test.before, test.cuts
				path := both("k.jpg")[i]
				if i == 1 && (test.name == "no bucket" || test.name == "region") {
					continue // a web server has neither
				}
				if i == 1 {
					var err error
					if path, err = Locate(path + "?X-Signature=hidden"); err != nil || strings.Contains(path, "hidden") {
						t.Fatal(path, err)
					}
				}
				content, err := ReadFile(path, 1<<20)
				if test.kind == nil {
					if err != nil || string(content) != body {
						t.Errorf("%s: %d bytes, %v", path, len(content), err)
					}
					return // the hook counts
				}
				text := ""
				if err != nil {
					text = err.Error()
				}
				if !errors.Is(err, test.kind) || (errors.Is(err, ErrFailed) == (test.kind == fs.ErrNotExist)) ||
					!strings.Contains(text, strings.Replace(test.want, " SlowDown", map[int]string{0: " SlowDown"}[i], 1)) ||
					!strings.HasPrefix(text, path+": ") || strings.ContainsAny(text, "\n") || strings.Contains(text, "hidden") ||
					strings.Contains(text, "secret-word") {
					t.Errorf("error is %q, want %q", text, test.want)
				}
			}
		})
	}
}

// TestReplaced: an object that changed behind the list is an error, also between two parts.
func TestReplaced(t *testing.T) {
	f := newFake(t, map[string]string{"bucket/s/k.jpg": "one", "bucket/s/x.tar": strings.Repeat("one", 1e6)})
	if _, _, err := ReadDir("s3://bucket/s"); err != nil {
		t.Fatal(err)
	}
	o, err := Open("s3://bucket/s/x.tar")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if _, err := o.ReadAt(make([]byte, 10), 0); err != nil {
		t.Fatal(err)
	}
	f.objects["bucket/s/k.jpg"], f.objects["bucket/s/x.tar"] = "two", strings.Repeat("two", 1e6)
	_, err = ReadFile("s3://bucket/s/k.jpg", 100)
	_, err2 := o.ReadAt(make([]byte, 10), 2e6)
	for _, err := range []error{err, err2} {
		if !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), "replaced after it had been listed") {
			t.Error(err)
		}
	}
}

// TestNoAnswer: a server that is not there.
func TestNoAnswer(t *testing.T) {
	newFake(t, nil)
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	for _, path := range []string{"s3://bucket/k.jpg", "http://127.0.0.1:1/k.jpg"} {
		_, err := ReadFile(path, 100)
		if !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), "no answer from 127.0.0.1:1 in 4 attempts (dial tcp") {
			t.Error(err)
		}
	}
}

func TestLocate(t *testing.T) {
	newFake(t, nil)
	t.Setenv("AZURE_STORAGE_CONNECTION_STRING", "")
	t.Setenv("AZURE_STORAGE_ACCOUNT", "")
	for path, want := range map[string]string{"s3://": "names no bucket", "azblob://scans/x": "set AZURE_STORAGE_CONNECTION_STRING"} {
		if _, err := Stat(path); !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, test := range [][2]string{
		{"S3://b/k?x#y", "s3://b/k?x#y"},
		{"https://a:b@host/x.tar?sig=c#d", "https://host/x.tar"},
		{"HTTPS://host:8080/a%20b/x.tar", "https://host:8080/a%20b/x.tar"},
		{"https://host/a b.jpg", "https://host/a%20b.jpg"},
		{"no/address", "no/address"},
		{"https:///x", ""},
		{"https://a:secret@ho st/x?sig=a", ""},
		{"https://host/x.tar?sig=another-one&x", ""},
	} {
		operand, want := test[0], test[1]
		got, err := Locate(operand)
		if got != want || (err != nil) != (want == "") || err != nil && (strings.Contains(err.Error(), "sig=") ||
			strings.Contains(err.Error(), "a:secret")) {
			t.Errorf("%s: %q, %v, want %q", operand, got, err, want)
		}
	}
	if got := Redact("Get \"https://u:p@h/k?sig=x\": eof\nmore"); got != `Get "https://h/k?…: eof` && strings.Contains(got, "sig") {
		t.Error(got)
	}
	if !reflect.DeepEqual([]bool{Remote("gs://x"), Remote("azblob://x"), Remote("c:/x"), Remote("s3:x")}, []bool{true, true, false, false}) {
		t.Error("Remote")
	}
}
