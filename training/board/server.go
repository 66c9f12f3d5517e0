package board

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"fovea/internal/runfiles"
	"fovea/internal/webserver"
)

// A Folder reads the runs below a folder again and again. It reads a run only if a file of it has changed.
type Folder struct {
	dir   string
	mu    sync.Mutex // guards known
	known map[string]known
}

type known struct {
	files string // their times and sizes
	run   *Run
}

// Open returns a Folder of runs below dir.
func Open(dir string) *Folder { return &Folder{dir: dir, known: map[string]known{}} }

// Runs returns all runs, in the order of their folders. Errors say that the folder holds none.
func (f *Folder) Runs() ([]*Run, error) {
	folders, err := Folders(f.dir)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []*Run
	for _, folder := range folders {
		files := stamp(folder)
		k := f.known[folder]
		if k.run == nil || k.files != files || k.run.Status != status(folder) {
			k = known{files, Read(folder)}
			if name, err := filepath.Rel(f.dir, folder); err == nil && name != "." {
				k.run.Name = filepath.ToSlash(name)
			}
			f.known[folder] = k
		}
		out = append(out, k.run)
	}
	return out, nil
}

// stamp returns times and sizes of the files that Read reads.
func stamp(folder string) string {
	out := ""
	for _, name := range []string{runfiles.Config, runfiles.Log, runfiles.Metrics("val"), runfiles.Metrics("test"),
		runfiles.LastCheckpoint + "/" + runfiles.CheckpointState} {
		if info, err := os.Stat(filepath.Join(folder, name)); err == nil {
			out += fmt.Sprint(info.ModTime().UnixNano(), " ", info.Size())
		}
		out += ";"
	}
	return out
}

// Serve answers with the page of the folder's runs on l until ctx is done. It closes l. hosts are further names by which
// it may be called.
func (f *Folder) Serve(ctx context.Context, l net.Listener, hosts ...string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		runs, err := f.Runs()
		var file bytes.Buffer
		if err == nil {
			p := NewBoard(f.dir, runs, time.Now())
			p.Live = true
			err = p.Write(&file)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(file.Bytes())
	})
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 90 * time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10,
		Handler: webserver.Guard(mux, webserver.NewHosts(l.Addr(), hosts), fmt.Sprintf("img-src data:; connect-src 'self'; "+
			"style-src 'unsafe-inline'; script-src 'sha256-%s'", followSum()))}
	return webserver.Serve(ctx, server, l, 256, 5*time.Second)
}
