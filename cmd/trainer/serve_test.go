package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// served runs trainer serve until the test ends and returns what it says first and its address.
func served(t *testing.T, args ...string) (said, address string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"serve", "-listen", "127.0.0.1:0"}, args...), nil, io.Discard, in)
		in.Close()
	}()
	url := regexp.MustCompile(`http://\S+`)
	buffer := make([]byte, 4096)
	for address == "" {
		n, err := out.Read(buffer)
		if said += string(buffer[:n]); err != nil {
			t.Fatalf("it does not serve:\n%s", said)
		}
		address = url.FindString(said)
	}
	go io.Copy(io.Discard, out)
	t.Cleanup(func() {
		cancel()
		if code := <-code; code != exitDone {
			t.Errorf("exit code %d", code)
		}
	})
	return said, address
}

// TestServe: the page's three requests, with heat maps, without them, and of a model that cannot be differentiated,
// which is served all the same.
func TestServe(t *testing.T) {
	scan, err := os.ReadFile(scans + "/DME/DME-9721607-1.jpeg")
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Open(described(t, "8"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, n := range m.Proto.GetGraph().GetNode() { // scores that are rounded have no gradient
		for i, name := range n.GetOutput() {
			if name == "logits" {
				n.Output[i] = "exact"
			}
		}
	}
	m.Proto.Graph.Node = append(m.Proto.Graph.Node, &pb.NodeProto{OpType: proto.String("Round"),
		Input: []string{"exact"}, Output: []string{"logits"}})
	stiff := filepath.Join(t.TempDir(), "stiff.onnx")
	if err := onnx.Save(stiff, m.Proto, onnx.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		args   []string
		status int
		said   string
		answer string
	}{
		{"maps", []string{"-model", described(t, "8")}, 200, "", ""},
		{"none", []string{"-model", described(t, "8"), "-explain=false"}, 501, "", "started with -explain=false"},
		{"stiff", []string{"-model", stiff}, 501, "warning: there are no heat maps: " + stiff, "cannot be differentiated"},
	} {
		t.Run(test.name, func(t *testing.T) {
			said, address := served(t, test.args...)
			if !strings.Contains(said, test.said) || test.said == "" && strings.Contains(said, "warning") {
				t.Errorf("it says\n%s", said)
			}
			for path, want := range map[string]int{"/predict": 200, "/explain": test.status} {
				response, err := http.Post(address+path, "image/jpeg", bytes.NewReader(scan))
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || response.StatusCode != want {
					t.Errorf("%s: status %d, want %d: %s", path, response.StatusCode, want, body)
				}
				if path == "/predict" || want != 200 {
					if !strings.Contains(string(body), test.answer) || strings.Contains(string(body), filepath.Dir(stiff)) {
						t.Errorf("%s: %s", path, body)
					}
				}
			}
		})
	}
}

// TestServeInNetwork: an address that others reach is said to be open, and answers to its own names, to those of -host
// and to no other: a page elsewhere may let its name resolve to this machine.
func TestServeInNetwork(t *testing.T) {
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, listen := range []string{"0.0.0.0:0", "127.0.0.1:0"} {
		said, address := served(t, "-model", described(t, "8"), "-explain=false", "-host", "Eye.example, proxy", "-listen", listen)
		open := listen == "0.0.0.0:0"
		if got := strings.Count(said, "without a password"); open && got != 1 || !open && got != 0 {
			t.Errorf("%s: it says\n%s", listen, said)
		}
		port := address[strings.LastIndex(address, ":")+1:]
		for host, want := range map[string]int{"localhost:" + port: 200, "127.0.0.2": 200, "[::1]:" + port: 200,
			"eye.EXAMPLE:80": 200, "proxy.": 200, "evil.example": 421, "evil.example:" + port: 421, "localhost.evil.example": 421,
			"eye.example.evil.example": 421, "192.0.2.7": 421, "127.0.0.1.evil.example": 421, own: map[bool]int{true: 200, false: 421}[open]} {
			request, err := http.NewRequestWithContext(t.Context(), "GET", "http://127.0.0.1:"+port+"/healthz", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = host
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if response.StatusCode != want || want == 421 && !strings.Contains(string(body), "-host NAME") {
				t.Errorf("%s, Host %s: status %d, want %d: %s", listen, host, response.StatusCode, want, body)
			}
		}
	}
}
