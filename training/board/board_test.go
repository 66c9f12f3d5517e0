package board

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fovea/evaluation"
	"fovea/internal/lock"
	"fovea/training/config"
)

// writeRun writes the folder of a run with so many finished epochs of ten.
func writeRun(t *testing.T, dir, name string, seed int64, epochs int, finished bool) string {
	t.Helper()
	folder := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Join(folder, "checkpoints", "last"), 0o755); err != nil {
		t.Fatal(err)
	}
	c := config.Defaults()
	c.Name, c.Seed, c.Data.Dir, c.Schedule.Epochs, c.Schedule.Warmup = name, seed, "images", 10, 1
	var toml, log, val bytes.Buffer
	if err := c.WriteTOML(&toml); err != nil {
		t.Fatal(err)
	}
	var rows []evaluation.Metrics
	for i := range epochs {
		fmt.Fprintf(&log, `{"train_lr":0.001,"train_loss":%v,"epoch":%d,"n_parameters":1}`+"\n", 1/float64(i+1), i)
		rows = append(rows, evaluation.Metrics{Loss: 0.75, ROCAUC: 0.8125})
	}
	if err := evaluation.WriteMetrics(&val, rows); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"config.toml": toml.String(), "log.txt": log.String(), "metrics_val.csv": val.String(),
		"checkpoints/last/state.json": fmt.Sprintf(`{"state":{"epoch":%d,"seconds":%d,"images":{"test":"d%d"},"host":`+
			`{"provider":"cpu","precision":"fp32","threads":2},"facts":[{"Name":"Processor","Value":"<b>"}]}}`, epochs, 60*epochs, seed)}
	if finished {
		files["metrics_test.csv"] = "accuracy\n0.5\n"
		files["metrics_test.json"] = `{"rows":40,"classes":["a","b","c"],"level":0.95,"measures":[{"name":"accuracy",` +
			`"value":0.5,"low":0.35,"high":0.65}]}`
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// The page of a folder has what differs, results, how far a run in progress is, and follows it.
func TestBoard(t *testing.T) {
	dir := t.TempDir()
	writeRun(t, dir, "done", 1, 10, true)
	writeRun(t, dir, "going", 2, 4, false)
	writeRun(t, dir, "stopped", 1, 3, false)
	writeRun(t, dir, "other<i>", 3, 10, true)
	held, err := os.Create(filepath.Join(dir, ".going.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if free, err := lock.Try(held); err != nil || !free {
		t.Fatal(free, err)
	}
	runs, err := Open(dir).Runs()
	if err != nil || len(runs) != 4 {
		t.Fatal(runs, err)
	}
	if left := runs[1].Left(runs[1].Saved.Add(time.Minute)); left != 5*time.Minute {
		t.Errorf("4 of 10 epochs took 4 minutes, and one passed since: %v are left", left)
	}
	var page bytes.Buffer
	if err := NewBoard(dir, runs, runs[1].Saved).Write(&page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"finished, 10 epochs", "in progress: epoch 4 of 10 done, training loss 0.250, validation loss " +
		"0.750, validation AUC 0.812, about 6m0s left", "stopped after epoch 3 of 10", `<th scope="col">seed</th>`,
		"0.500<br> <small>0.350 to 0.650</small>", "cpu, fp32, 2 threads, &lt;b&gt;", "other&lt;i&gt;", "Training loss",
		"Not all runs have the same test images"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("no %q", want)
		}
	}
	for _, without := range []string{"schedule.epochs</th>", "<script", "http:", "https:"} {
		if strings.Contains(page.String(), without) {
			t.Errorf("there is %q", without)
		}
	}
	if _, err := Open(filepath.Join(dir, "done", "checkpoints")).Runs(); err == nil || !strings.Contains(err.Error(),
		"holds a run") {
		t.Error(err)
	}
	for _, m := range ForMLflow(runs)[:1] {
		if m.Params["seed"] != "1" || len(m.Metrics["val_roc_auc"]) != 10 || m.Metrics["test_accuracy_low"][0].Value != 0.35 ||
			m.End.Sub(m.Start) != 10*time.Minute || !m.Metrics["train_loss"][9].Time.Equal(m.End) {
			t.Errorf("%+v", m)
		}
	}
}

// The server shows a change, refuses foreign names and ends with its context.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	folder := writeRun(t, dir, "a", 1, 3, false)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Open(dir).Serve(ctx, l) }()
	get := func(host string) (int, string) {
		r, err := http.NewRequest("GET", "http://"+l.Addr().String()+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil || !strings.Contains(answer.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Fatal(answer.Header, err)
		}
		return answer.StatusCode, string(text)
	}
	if code, text := get("localhost"); code != 200 || !strings.Contains(text, "stopped after epoch 3") ||
		!strings.Contains(text, "<script>") {
		t.Errorf("%d\n%s", code, text)
	}
	if code, _ := get("evil.example"); code != http.StatusMisdirectedRequest {
		t.Error(code)
	}
	if err := os.WriteFile(filepath.Join(folder, "log.txt"), []byte(`{"train_loss":2}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, text := get("127.0.0.1"); !strings.Contains(text, "stopped after epoch 1 of 10: training loss 2.000") {
		t.Error("a change is not shown")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// The images with more than one answer are those, most different first, and one that cannot be read is named.
func TestDisagree(t *testing.T) {
	p := func(v ...float64) *evaluation.Predictions {
		out := &evaluation.Predictions{Classes: []string{"no", "yes"}}
		for i, x := range v {
			out.Rows = append(out.Rows, evaluation.Prediction{Path: fmt.Sprint(i, ".png"), Label: 1,
				Probabilities: []float64{1 - x, x}})
		}
		return out
	}
	d, err := Disagree([]evaluation.Contender{{Name: "A", Predictions: p(0.9, 0.6, 0.9, 0.2)}, {Name: "published"},
		{Name: "B", Predictions: p(0.8, 0.4, 0.1, 0.3)}}, func(path string) (image.Image, error) {
		if path == "1.png" {
			return nil, errors.New("away")
		}
		return image.NewNRGBA(image.Rect(0, 0, 3, 2)), nil
	})
	if err != nil || d.Of != 4 || d.Number != 2 || d.Unread != 1 || d.Shown[0].Path != "2.png" || d.Shown[0].Source == "" ||
		d.Shown[1].Source != "" || d.Shown[0].Answers[1] != (Answer{"B", "no", 0.9, false}) {
		t.Fatalf("%+v, %v", d, err)
	}
	page := &Page{Title: "x", Disagreements: d, Rows: []Row{{Name: "A"}}}
	var out bytes.Buffer
	if err := page.Write(&out); err != nil || !strings.Contains(out.String(), "2 of 4 images have more than one answer") {
		t.Error(err)
	}
}
