// Stores checks that trainer reads object stores as it reads files. It makes a bucket, copies a folder of classes there,
// as files and as two tar archives, and runs predict, features and eval on both, predict and eval also in shards with
// merge. The results must be the same bytes. The usual variables name the store. servers.sh beside it starts local ones.
//
//	. tools/stores/servers.sh DIR
//	go run ./tools/stores -trainer trainer -model model.onnx -data data/testdata/retinamnist -to s3://scans
package main

import (
	"archive/tar"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

func main() {
	log.SetFlags(0)
	trainer := flag.String("trainer", "trainer", "program to check")
	model := flag.String("model", "model.onnx", "model")
	dir := flag.String("data", "", "folder of the split test, with a folder a class")
	to := flag.String("to", "", "s3://BUCKET, gs://BUCKET or azblob://CONTAINER, which it makes")
	flag.Parse()
	if err := check(*trainer, *model, *dir, *to); err != nil {
		log.Fatal(err)
	}
}

func check(trainer, model, dir, to string) error {
	work, err := os.MkdirTemp("", "stores-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	local := filepath.Join(work, "set")
	if err := os.CopyFS(filepath.Join(local, "test"), os.DirFS(filepath.Join(dir, "test"))); err != nil {
		return err
	}
	if err := pack(filepath.Join(local, "test"), filepath.Join(local, "tars")); err != nil {
		return err
	}
	put, err := open(to)
	if err != nil {
		return err
	}
	err = filepath.WalkDir(local, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(local, path)
		return put("set/"+filepath.ToSlash(rel), content)
	})
	if err != nil {
		return err
	}
	remote := to + "/set"
	run := func(args ...string) error {
		c := exec.Command(trainer, args...)
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("%q: %w\n%s", args, err, out)
		}
		return nil
	}
	in := func(name string) string { return filepath.Join(work, name) }
	var failed error
	same := func(what, a, b string) {
		x, err := os.ReadFile(a)
		y, err2 := os.ReadFile(b)
		y = bytes.ReplaceAll(y, []byte(remote), []byte(local))
		if err != nil || err2 != nil || len(x) == 0 || !bytes.Equal(x, y) {
			failed = fmt.Errorf("%s: %s and %s differ (%v, %v)", what, a, b, err, err2)
			return
		}
		fmt.Printf("%s: %s: the same %d bytes\n", to, what, len(x))
	}
	for _, kind := range []string{"test", "tars/*.tar"} {
		short, _, _ := strings.Cut(kind, "/")
		for place, root := range map[string]string{"local": local, "remote": remote} {
			operand := root + "/" + kind
			if err := run("predict", "-model", model, "-out", in(place+short+".csv"), operand); err != nil {
				return err
			}
			if err := run("features", "-model", model, "-out", in(place+short+"-f.npy"), operand); err != nil {
				return err
			}
			for _, s := range []string{"1/3", "2/3", "3/3"} {
				if err := run("predict", "-model", model, "-out", in(place+short+"-s.csv"), "-shard", s, operand); err != nil {
					return err
				}
			}
			shards, _ := filepath.Glob(in(place + short + "-s.*-of-3.csv"))
			if err := run(append([]string{"merge", "-out", in(place + short + "-s.csv")}, shards...)...); err != nil {
				return err
			}
		}
		same("predict "+kind, in("local"+short+".csv"), in("remote"+short+".csv"))
		same("features "+kind, in("local"+short+"-f.npy"), in("remote"+short+"-f.npy"))
		same("predict "+kind+", three shards merged", in("local"+short+".csv"), in("remote"+short+"-s.csv"))
	}
	for _, split := range []string{"test", "tars"} {
		for place, root := range map[string]string{"local": local, "remote": remote} {
			if err := run("eval", "-model", model, "-data", root, "-split", split, "-out", in(place+"-eval-"+split)); err != nil {
				return err
			}
			for _, s := range []string{"1/2", "2/2"} {
				if err := run("eval", "-model", model, "-data", root, "-split", split, "-shard", s, "-out",
					in(place+"-shards-"+split)); err != nil {
					return err
				}
			}
			shards, _ := filepath.Glob(filepath.Join(in(place+"-shards-"+split), "shard_*.jsonl"))
			if err := run(append([]string{"merge", "-out", in(place + "-merged-" + split)}, shards...)...); err != nil {
				return err
			}
		}
		for _, file := range []string{"predictions_" + split + ".csv", "metrics_" + split + ".json"} {
			same("eval "+split+" "+file, filepath.Join(in("local-eval-"+split), file), filepath.Join(in("remote-eval-"+split), file))
			same("eval "+split+" "+file+", two shards merged", filepath.Join(in("local-eval-"+split), file),
				filepath.Join(in("remote-merged-"+split), file))
		}
	}
	return failed
}

// pack writes the images of class folders to two archives as WebDataset does.
func pack(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	var out [2]bytes.Buffer
	files, err := filepath.Glob(filepath.Join(from, "*", "*"))
	for i, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		w := tar.NewWriter(&out[i*2/len(files)])
		key := strings.TrimSuffix(filepath.Base(f), filepath.Ext(f))
		for name, text := range map[string][]byte{key + filepath.Ext(f): content, key + ".cls": []byte(filepath.Base(filepath.Dir(f)))} {
			if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
				return err
			}
			if _, err := w.Write(text); err != nil {
				return err
			}
		}
		w.Flush()
	}
	for i := range out {
		tar.NewWriter(&out[i]).Close()
		if err := os.WriteFile(filepath.Join(to, fmt.Sprintf("test-%06d.tar", i)), out[i].Bytes(), 0o644); err != nil {
			return err
		}
	}
	return err
}

// open makes the bucket and returns a function that writes an object.
func open(to string) (put func(key string, content []byte) error, err error) {
	ctx := context.Background()
	scheme, name, _ := strings.Cut(to, "://")
	switch scheme {
	case "s3":
		u, err := url.Parse(os.Getenv("AWS_ENDPOINT_URL"))
		if err != nil {
			return nil, err
		}
		c, err := minio.New(u.Host, &minio.Options{Creds: credentials.NewEnvAWS(), Secure: u.Scheme == "https"})
		if err != nil {
			return nil, err
		}
		return func(key string, content []byte) error {
			_, err := c.PutObject(ctx, name, key, bytes.NewReader(content), int64(len(content)), minio.PutObjectOptions{})
			return err
		}, c.MakeBucket(ctx, name, minio.MakeBucketOptions{})
	case "gs":
		root := "http://" + os.Getenv("STORAGE_EMULATOR_HOST")
		post := func(address, kind string, body []byte) error {
			r, err := http.Post(root+address, kind, bytes.NewReader(body))
			if err == nil && r.StatusCode != http.StatusOK {
				err = fmt.Errorf("%s: %s", address, r.Status)
			}
			if err == nil {
				err = r.Body.Close()
			}
			return err
		}
		return func(key string, content []byte) error {
			return post("/upload/storage/v1/b/"+name+"/o?uploadType=media&name="+url.QueryEscape(key), "application/octet-stream",
				content)
		}, post("/storage/v1/b", "application/json", fmt.Appendf(nil, `{"name":%q}`, name))
	case "azblob":
		c, err := azblob.NewClientFromConnectionString(os.Getenv("AZURE_STORAGE_CONNECTION_STRING"), nil)
		if err != nil {
			return nil, err
		}
		_, err = c.CreateContainer(ctx, name, nil)
		return func(key string, content []byte) error {
			_, err := c.UploadBuffer(ctx, name, key, content, nil)
			return err
		}, err
	}
	return nil, fmt.Errorf("%q: it is s3://BUCKET, gs://BUCKET or azblob://CONTAINER", to)
}
