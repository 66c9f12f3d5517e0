package serve_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"fovea/inference/serve"
)

// TestRefusalIsSeen: clients that send on after they were refused, at once or slowly, and only then read, find the
// answer and not a reset connection.
func TestRefusalIsSeen(t *testing.T) {
	url, _ := start(t, serve.Limits{Bytes: 1 << 20})
	for _, path := range []string{"/predict", "/explain"} {
		for _, test := range []struct {
			name, header string
			chunk, count int
			pause        time.Duration
		}{
			{"all at once", "Content-Length: 6291456\r\n", 6 << 20, 1, 0},
			{"slowly", "Content-Length: 2097152\r\n", 64 << 10, 32, 5 * time.Millisecond},
			{"as a form", "Content-Length: 6291456\r\nContent-Type: multipart/form-data; boundary=x\r\n", 6 << 20, 1, 0},
			{"of unknown length", "Transfer-Encoding: chunked\r\n", 4 << 20, 1, 0},
		} {
			c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path, test.header)
			if strings.Contains(test.header, "chunked") {
				fmt.Fprintf(c, "%x\r\n", test.chunk)
			}
			for range test.count {
				if _, err := c.Write(make([]byte, test.chunk)); err != nil {
					t.Errorf("%s, %s: %v", path, test.name, err)
				}
				time.Sleep(test.pause)
			}
			if strings.Contains(test.header, "chunked") {
				io.WriteString(c, "\r\n0\r\n\r\n")
			}
			response, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatalf("%s, %s: %v", path, test.name, err)
			}
			body, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != 413 || !strings.Contains(string(body), "more than 1048576 bytes") || !response.Close {
				t.Errorf("%s, %s: status %d, %q, %v", path, test.name, response.StatusCode, body, err)
			}
			c.Close()
		}
	}
}

// TestRefusalIsBounded: of an upload without an end only so much is read, and only for so long.
func TestRefusalIsBounded(t *testing.T) {
	url, _ := start(t, serve.Limits{Bytes: 1 << 20, Drain: 300 * time.Millisecond})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, sends := range []bool{true, false} {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", int64(5)<<30)
		sent := 0
		for sends {
			n, err := c.Write(make([]byte, 64<<10))
			if sent += n; err != nil {
				break
			}
		}
		if sent > 200<<20 {
			t.Errorf("%d MB were taken", sent>>20)
		}
		io.Copy(io.Discard, c) // ends when the server closes it
		c.Close()
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 400<<20 { // 64 KiB for each write above
		t.Errorf("%d MB were allocated", grown>>20)
	}
}

// TestConnections: one more than the cap waits for its turn.
func TestConnections(t *testing.T) {
	url, _ := start(t, serve.Limits{Connections: 2})
	address := strings.TrimPrefix(url, "http://")
	ask := func() (net.Conn, chan string) {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		status := make(chan string, 1)
		go func() {
			line, _ := bufio.NewReader(c).ReadString('\n')
			status <- line
		}()
		return c, status
	}
	first, one := ask()
	second, two := ask()
	defer second.Close()
	for _, answer := range []chan string{one, two} {
		if line := <-answer; !strings.Contains(line, "200") {
			t.Fatalf("answer %q", line)
		}
	}
	third, three := ask()
	defer third.Close()
	select {
	case line := <-three:
		t.Errorf("a third connection is answered: %q", line)
	case <-time.After(100 * time.Millisecond):
	}
	first.Close()
	if line := <-three; !strings.Contains(line, "200") {
		t.Errorf("answer %q", line)
	}
}

// TestStopWhileFull: the server ends though connections wait.
func TestStopWhileFull(t *testing.T) {
	url, stop := start(t, serve.Limits{Connections: 1, Stop: 100 * time.Millisecond})
	for range 3 {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	stop()
}

// TestExpect: who asks before it sends is told at once.
func TestExpect(t *testing.T) {
	url, _ := start(t, serve.Limits{Bytes: 1 << 20})
	request, err := http.NewRequestWithContext(t.Context(), "POST", url+"/predict", bytes.NewReader(make([]byte, 2<<20)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Expect", "100-continue")
	client := http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Hour}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 413 {
		t.Errorf("status %d", response.StatusCode)
	}
}
