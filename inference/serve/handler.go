package serve

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"image/png"
	"net/http"
	"strconv"

	"fovea/inference/explain"
	"fovea/internal/webserver"
	"fovea/internal/webstyle"
)

// The page, which asks no other machine for anything.
var (
	//go:embed page/index.html
	pageText []byte
	//go:embed page/page.js
	pageScript []byte
	//go:embed page/style.css
	pageStyle string
)

// handler returns the routes of the server.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	var legend bytes.Buffer
	png.Encode(&legend, explain.Legend()) // fails neither for a buffer nor for an image of this size
	for path, file := range map[string]struct {
		content []byte
		kind    string
	}{
		"GET /{$}":         {pageText, "text/html; charset=utf-8"},
		"GET /page.js":     {pageScript, "text/javascript; charset=utf-8"},
		"GET /style.css":   {[]byte(webstyle.Colours + pageStyle), "text/css; charset=utf-8"},
		"GET /colours.png": {legend.Bytes(), "image/png"},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", file.kind)
			w.Write(file.content)
		})
	}
	mux.HandleFunc("POST /predict", s.upload(s.predict))
	mux.HandleFunc("POST /explain", s.upload(s.explain))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		s.counts.write(w, s.uploads.Load())
	})
	return webserver.Guard(mux, s.hosts, "script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "+
		"connect-src 'self'; form-action 'self'")
}

// answer writes JSON and counts it.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, status int, value any) {
	content, err := json.Marshal(value)
	if err != nil { // there is no such value
		status, content = http.StatusInternalServerError, []byte("{}")
	}
	s.write(w, r, status, "application/json", append(content, '\n'))
}

// write writes an answer and counts it. It states the length, so that a client knows when it has all of it.
func (s *Server) write(w http.ResponseWriter, r *http.Request, status int, kind string, content []byte) {
	s.counts.answered(r.URL.Path, status)
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(status)
	w.Write(content)
}
