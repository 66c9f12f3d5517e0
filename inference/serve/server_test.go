package serve_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"io"
	"math"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fovea/evaluation/operating"
	"fovea/inference"
	"fovea/inference/explain"
	"fovea/inference/serve"
	"fovea/onnx/ort"
	"fovea/onnx/ort/install"
)

var loadTime = flag.Duration("load", time.Second, "how long the load test lasts")

// A golden is a file that tools/oracle/predictions.py wrote.
type golden struct {
	Model       string
	Description inference.Description
	Views       map[string]map[string][]float64
}

func readGolden(t testing.TB) golden {
	t.Helper()
	var g golden
	text, err := os.ReadFile("../testdata/golden.json")
	if err == nil {
		err = json.Unmarshal(text, &g)
	}
	if err != nil {
		t.Fatal(err)
	}
	g.Model = filepath.Join("../..", g.Model)
	return g
}

// start serves until the test ends, or stop is called, which waits for the end.
func start(t testing.TB, l serve.Limits) (url string, stop func()) {
	t.Helper()
	return startWith(t, l, nil)
}

// startWith is start, without heat maps for a reason that is not nil.
func startWith(t testing.TB, l serve.Limits, noMaps error) (url string, stop func()) {
	t.Helper()
	for _, d := range []*time.Duration{&l.Header, &l.Request, &l.Answer, &l.Drain, &l.Stop} {
		if *d == 0 { // a machine may be busy
			*d = 10 * time.Minute
		}
	}
	g := readGolden(t)
	if _, err := install.Load(t.Context(), install.Source{Provider: "cpu"}); err != nil {
		t.Fatal(err)
	}
	d, err := inference.Describe(g.Model, g.Description)
	if err != nil {
		t.Fatal(err)
	}
	c, err := inference.Open(g.Model, d, 8, ort.Options{Threads: 1, Arena: true})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	var x *explain.Model
	if noMaps == nil {
		if x, err = explain.Open(t.Context(), g.Model, explain.Options{Output: d.Output, Side: d.Size, Batch: 1, Threads: 1}); err != nil {
			t.Fatal(err)
		}
	}
	server, err := serve.New(c, d, x, noMaps, l)
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- server.Serve(ctx, listener) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		c.Close()
		if x != nil {
			x.Close()
		}
	})
	t.Cleanup(stop)
	return "http://" + listener.Addr().String(), stop
}

// post returns status and body of an upload to be classified.
func post(t testing.TB, url, kind string, body io.Reader) (int, []byte) {
	t.Helper()
	return postTo(t, url+"/predict", kind, body)
}

func postTo(t testing.TB, url, kind string, body io.Reader) (int, []byte) {
	t.Helper()
	response, err := http.Post(url, kind, body)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, content
}

func scans(t testing.TB) (files [][]byte, want [][]float64) {
	t.Helper()
	for path, p := range readGolden(t).Views[""] {
		file, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Fatal(err)
		}
		files, want = append(files, file), append(want, p)
	}
	return files, want
}

// check compares an answer with what Python's onnxruntime said.
func check(t testing.TB, status int, body []byte, want []float64) {
	t.Helper()
	var answer struct {
		Predicted     string
		Probabilities []struct {
			Class       string
			Probability float64
		}
	}
	if err := json.Unmarshal(body, &answer); status != 200 || err != nil || len(answer.Probabilities) != len(want) {
		t.Errorf("status %d, error %v: %s", status, err, body)
		return
	}
	for i, p := range answer.Probabilities {
		if math.Abs(p.Probability-want[i]) > 1e-5 {
			t.Errorf("class %s has %v, want %v", p.Class, p.Probability, want[i])
		}
	}
}

func TestPredict(t *testing.T) {
	url, _ := start(t, serve.Limits{})
	files, want := scans(t)
	for i, file := range files {
		status, body := post(t, url, "image/jpeg", bytes.NewReader(file))
		check(t, status, body, want[i])
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	w.WriteField("image", "../../../etc/passwd")
	part, _ := w.CreateFormFile("image", "../../../etc/passwd")
	part.Write(files[0])
	w.Close()
	status, body := post(t, url, w.FormDataContentType(), &form)
	check(t, status, body, want[0])
}

// claim is a PNG of a few bytes that claims a size.
func claim(w, h uint32) []byte {
	header := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)...)
	header = append(header, 8, 2, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	out = append(out, header...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(header))
}

func strip(t *testing.T, w, h int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestHostileUploads are refused for what they are, without the memory that they claim, and the server goes on.
func TestHostileUploads(t *testing.T) {
	url, _ := start(t, serve.Limits{Bytes: 1 << 20, Pixels: 4_000_000})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	files, want := scans(t)
	for _, test := range []struct {
		name   string
		kind   string
		body   io.Reader
		status int
		text   string
	}{
		{"bomb", "image/png", bytes.NewReader(claim(100_000, 100_000)), 413, "more than the limit"},
		{"large", "image/png", bytes.NewReader(claim(3000, 3000)), 413, "more than the limit of 4000000"},
		{"strip", "image/png", bytes.NewReader(strip(t, 1, 50_000)), 413, "cut the image"},
		{"oversize", "image/png", bytes.NewReader(make([]byte, 3<<20)), 413, "more than"},
		{"oversize of unknown length", "image/png", io.LimitReader(zeros{}, 3<<20), 413, "more than"},
		{"text", "text/plain", strings.NewReader("../../etc/passwd"), 415, "not a JPEG"},
		{"html", "text/html", strings.NewReader("<script>alert(1)</script>"), 415, "not a JPEG"},
		{"nothing", "image/png", strings.NewReader(""), 400, "no image"},
		{"cut short", "image/jpeg", bytes.NewReader(files[0][:len(files[0])/2]), 415, ""},
		{"no form", "multipart/form-data; boundary=x", strings.NewReader("--x\r\n\r\n"), 400, ""},
		{"form without boundary", "multipart/form-data", strings.NewReader("x"), 400, "form"},
	} {
		status, body := post(t, url, test.kind, test.body)
		if status != test.status || !strings.Contains(string(body), test.text) || !json.Valid(body) {
			t.Errorf("%s: status %d, want %d with %q: %s", test.name, status, test.status, test.text, body)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 200<<20 {
		t.Errorf("%d MB were allocated", grown>>20)
	}
	status, body := post(t, url, "image/jpeg", bytes.NewReader(files[0]))
	check(t, status, body, want[0])
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestRoutes(t *testing.T) {
	url, _ := start(t, serve.Limits{})
	for _, test := range []struct {
		method, path string
		header       map[string]string
		status       int
		text         string
	}{
		{"GET", "/", nil, 200, "<!doctype html>"},
		{"GET", "/page.js", nil, 200, "use strict"},
		{"GET", "/style.css", nil, 200, "prefers-color-scheme"},
		{"GET", "/healthz", nil, 200, "ok"},
		{"GET", "/metrics", nil, 200, "fovea_images_total"},
		{"GET", "/predict", nil, 405, ""},
		{"GET", "/page/index.html", nil, 404, ""},
		{"GET", "/..%2f..%2fetc%2fpasswd", nil, 404, ""},
		{"GET", "//etc/passwd", nil, 404, ""},
		{"GET", "/", map[string]string{"Host": "evil.example"}, 421, ""},
		{"GET", "/", map[string]string{"Host": "localhost:80"}, 200, ""},
		{"GET", "/", map[string]string{"Host": "[::1]"}, 200, ""},
		{"POST", "/predict", map[string]string{"Origin": "https://evil.example"}, 403, ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), test.method, url+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for key, value := range test.header {
			request.Header.Set(key, value)
			if key == "Host" {
				request.Host = value
			}
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != test.status || !strings.Contains(string(body), test.text) {
			t.Errorf("%s %s %v: status %d, want %d: %s", test.method, test.path, test.header, response.StatusCode, test.status, body)
		}
		if policy := response.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") ||
			response.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s has the headers %v", test.method, test.path, response.Header)
		}
	}
}

// TestSlowClients: one that never ends its header, and one that never ends its image, are cut off.
func TestSlowClients(t *testing.T) {
	url, _ := start(t, serve.Limits{Header: 100 * time.Millisecond, Request: 300 * time.Millisecond})
	for _, text := range []string{"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n",
		"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n\xff\xd8"} {
		slow, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(slow, text); err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(slow) // ends when the server closes it
		if strings.Contains(string(answer), " 200 ") {
			t.Errorf("%q is answered with %q", text, answer)
		}
		slow.Close()
	}
}

// TestFullQueue: beyond the bound the answer is 503 at once, and there is room again when those before have gone.
func TestFullQueue(t *testing.T) {
	url, _ := start(t, serve.Limits{Queue: 1})
	files, want := scans(t)
	in, out := io.Pipe()
	first := make(chan struct{})
	go func() {
		defer close(first)
		response, err := http.Post(url+"/predict", "image/jpeg", in)
		if err == nil {
			response.Body.Close()
		}
	}()
	out.Write(files[0][:10])
	waitForUpload(t, url)
	if status, body := post(t, url, "image/jpeg", bytes.NewReader(files[0])); status != 503 {
		t.Errorf("status %d: %s", status, body)
	}
	out.Write(files[0][10:])
	out.Close()
	<-first
	status, body := post(t, url, "image/jpeg", bytes.NewReader(files[0]))
	check(t, status, body, want[0])
}

// waitForUpload waits until one is under way.
func waitForUpload(t *testing.T, url string) {
	t.Helper()
	for !strings.Contains(metricsOf(t, url), "fovea_uploads_under_way 1\n") {
	}
}

func metricsOf(t testing.TB, url string) string {
	t.Helper()
	response, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestStop: an upload under way when the server is stopped is still answered.
func TestStop(t *testing.T) {
	url, stop := start(t, serve.Limits{})
	files, want := scans(t)
	in, out := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		status, body := post(t, url, "image/jpeg", in)
		check(t, status, body, want[0])
	}()
	out.Write(files[0][:10])
	waitForUpload(t, url)
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	for { // no more are taken
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			break
		}
		c.Close()
	}
	out.Write(files[0][10:])
	out.Close()
	<-done
	<-stopped
}

// TestLoad: 200 clients at once, four of which ask for heat maps, are all answered rightly, and memory ends where it
// was. -load 1m makes it last a minute.
func TestLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("serves for seconds")
	}
	url, _ := start(t, serve.Limits{})
	files, want := scans(t)
	const clients = 200
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	var answered, drawn atomic.Int64
	load := func(d time.Duration) (heap uint64, resident int) {
		var all sync.WaitGroup
		end := time.Now().Add(d)
		for n := range clients {
			all.Go(func() {
				path, maps := "/predict", n%50 == 0
				if maps {
					path = "/explain"
				}
				for i := n; ; i++ {
					response, err := client.Post(url+path, "image/jpeg", bytes.NewReader(files[i%len(files)]))
					if err != nil {
						t.Error(err)
						return
					}
					body, err := io.ReadAll(response.Body)
					response.Body.Close()
					if err != nil {
						t.Error(err)
						return
					}
					if maps {
						if _, err := png.Decode(bytes.NewReader(body)); err != nil || response.StatusCode != 200 {
							t.Errorf("status %d, %v", response.StatusCode, err)
						}
						drawn.Add(1)
					} else {
						check(t, response.StatusCode, body, want[i%len(files)])
						answered.Add(1)
					}
					if !time.Now().Before(end) {
						return
					}
				}
			})
		}
		all.Wait()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc, residentMB()
	}
	heap0, resident0 := load(*loadTime / 4)
	heap1, resident1 := load(*loadTime)
	t.Logf("%d predictions and %d heat maps for %d clients; heap %d MB then %d MB, resident %d MB then %d MB", answered.Load(), drawn.Load(), clients,
		heap0>>20, heap1>>20, resident0, resident1)
	if heap1 > heap0+heap0/2+16<<20 {
		t.Errorf("the heap grows from %d to %d MB", heap0>>20, heap1>>20)
	}
}

// residentMB is the memory of this process, where /proc tells it.
func residentMB() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int
	fmt.Sscan(string(text), &size, &resident)
	return resident * os.Getpagesize() >> 20
}

// TestDecision: a threshold that the run of a model chose decides, and the answer says which one.
func TestDecision(t *testing.T) {
	g := readGolden(t)
	classes := g.Description.Classes
	p := make([]float64, len(classes))
	p[0], p[1] = 0.4, 0.6
	point := operating.Point{Rule: "youden", Positive: classes[0], Negative: classes[1], Threshold: 0.4, ChosenOn: "val",
		Images: 9}
	d := g.Description
	d.Operating = []operating.Point{point}
	rule, err := d.DefaultRule()
	if err != nil {
		t.Fatal(err)
	}
	if got := rule.Decision(p); got != classes[0] {
		t.Errorf("at the threshold the decision is %q", got)
	}
	if p[0] = 0.39; rule.Decision(p) != classes[1] {
		t.Errorf("below the threshold the decision is %q", rule.Decision(p))
	}
	d.Operating[0].Positive = "nobody"
	if _, err := d.DefaultRule(); err == nil {
		t.Error("a class that the model does not have is decided for")
	}
}
