package serve_test

import (
	"bytes"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"fovea/data"
	"fovea/inference"
	"fovea/inference/explain"
	"fovea/inference/serve"
)

// TestExplain: the picture is that of the map that package explain gives, which is compared with PyTorch there.
func TestExplain(t *testing.T) {
	address, _ := start(t, serve.Limits{})
	g := readGolden(t)
	d, err := inference.Describe(g.Model, g.Description)
	if err != nil {
		t.Fatal(err)
	}
	m, err := explain.Open(t.Context(), g.Model, explain.Options{Batch: 1, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	files, want := scans(t)
	var pictures [][]byte
	for i, file := range files[:2] {
		img, err := data.DecodeBytes(file)
		if err != nil {
			t.Fatal(err)
		}
		tensor := make([]float32, 3*d.Size*d.Size)
		if err := d.Transform().Apply(tensor, img, nil); err != nil {
			t.Fatal(err)
		}
		best := slices.Index(want[i], slices.Max(want[i]))
		for class := -1; class < len(d.Classes); class++ {
			query := ""
			if class >= 0 {
				query = "?class=" + url.QueryEscape(d.Classes[class])
			}
			response, err := http.Post(address+"/explain"+query, "image/jpeg", bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if kind := response.Header.Get("Content-Type"); err != nil || response.StatusCode != 200 || kind != "image/png" ||
				response.Header.Get("Fovea-Method") != "grad-cam" {
				t.Fatalf("status %d, %v: %.200q", response.StatusCode, response.Header, body)
			}
			got, err := png.Decode(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			all, err := m.Explain(tensor, []int{class})
			if err != nil {
				t.Fatal(err)
			}
			if class < 0 && all[0].Class != best {
				t.Errorf("without a class, class %d is explained, not %d", all[0].Class, best)
			}
			picture := explain.Overlay(explain.Image(tensor, d.Transform()), all[0].Maps[0])
			if got.Bounds() != picture.Bounds() || got.Bounds().Dx() < 256 {
				t.Fatalf("the picture's bounds are %v, want %v", got.Bounds(), picture.Bounds())
			}
			off := 0
			for k := range picture.Pix {
				x, y := k/4%picture.Rect.Dx(), k/4/picture.Rect.Dx()
				r, gr, b, a := got.At(x, y).RGBA()
				if uint8([]uint32{r, gr, b, a}[k%4]>>8) != picture.Pix[k] {
					off++
				}
			}
			if off > 0 {
				t.Errorf("image %d, class %d: %d values of the picture differ", i, class, off)
			}
			pictures = append(pictures, body)
		}
	}
	if bytes.Equal(pictures[1], pictures[2]) {
		t.Error("two classes have the same map")
	}
	status, body := postTo(t, address+"/explain?class=%3Cb%3E", "image/jpeg", bytes.NewReader(files[0]))
	if status != 400 || !strings.Contains(string(body), "no class") {
		t.Errorf("status %d: %s", status, body)
	}
	metrics := metricsOf(t, address)
	for _, want := range []string{`fovea_requests_total{path="/explain",code="200"} 12`, `fovea_requests_total{path="/explain",code="400"} 1`,
		"fovea_explanations_total 12", "fovea_uploads_under_way 0"} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("the metrics lack %s:\n%s", want, metrics)
		}
	}
}

// TestExplanationsDoNotCrowd: while as many explanations as may are under way, one more is refused, and predictions go
// on.
func TestExplanationsDoNotCrowd(t *testing.T) {
	address, _ := start(t, serve.Limits{})
	files, want := scans(t)
	var done []chan int
	var pipes []*io.PipeWriter
	for range 8 {
		in, out := io.Pipe()
		status := make(chan int, 1)
		go func() {
			response, err := http.Post(address+"/explain", "image/jpeg", in)
			if err != nil {
				status <- 0
				return
			}
			response.Body.Close()
			status <- response.StatusCode
		}()
		out.Write(files[0][:10])
		pipes, done = append(pipes, out), append(done, status)
	}
	for !strings.Contains(metricsOf(t, address), "fovea_uploads_under_way 8\n") {
	}
	if status, body := postTo(t, address+"/explain", "image/jpeg", bytes.NewReader(files[0])); status != 503 {
		t.Errorf("status %d: %s", status, body)
	}
	status, body := post(t, address, "image/jpeg", bytes.NewReader(files[0]))
	check(t, status, body, want[0])
	for i, out := range pipes {
		out.Write(files[0][10:])
		out.Close()
		if status := <-done[i]; status != 200 {
			t.Errorf("explanation %d has status %d", i, status)
		}
	}
}

// TestNoExplainer: a server without one says why, and predicts.
func TestNoExplainer(t *testing.T) {
	address, _ := startWith(t, serve.Limits{}, fmt.Errorf("node 3 cannot be differentiated"))
	files, want := scans(t)
	status, body := postTo(t, address+"/explain", "image/jpeg", bytes.NewReader(files[0]))
	if status != 501 || !strings.Contains(string(body), "node 3 cannot be differentiated") {
		t.Errorf("status %d: %s", status, body)
	}
	status, body = post(t, address, "image/jpeg", bytes.NewReader(files[0]))
	check(t, status, body, want[0])
	if !strings.Contains(string(body), `"no_heat_map":"node 3 cannot be differentiated"`) {
		t.Errorf("the answer does not say that there is no heat map: %s", body)
	}
}
