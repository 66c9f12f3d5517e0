package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"runtime/debug"
	"strings"

	"fovea/inference"
	"fovea/inference/explain"
	"fovea/inference/serve"
)

func serveCommand(a *app) *command {
	m := classifierFlags{batch: 16, maxPixels: 40_000_000}
	listen, hosts, maps := "127.0.0.1:8080", "", true
	limits := serve.Limits{Connections: 1024, Queue: 256, Bytes: 32 << 20}
	return &command{
		name:     "serve",
		summary:  "serve a web page and a JSON interface that classify images",
		synopsis: []string{"trainer serve -model FILE [flags]"},
		text: `
Classifies images that people drop on a web page or that programs send:

  POST /predict    an image file as the body, or as a file of a form
                   (multipart/form-data); answers with JSON, with a decision
                   and its rule if the run of the model chose a threshold
  POST /explain?class=NAME
                   an image likewise; answers with a PNG: the heat map of the
                   class over what the model gets of the image. Without NAME
                   the class is the most probable one. docs/explain.md says
                   what maps mean
  GET /healthz     200 while it serves
  GET /metrics     counts and times for Prometheus

Images are not stored, and names of files are not used. Images that wait are classified in batches. Ctrl-C or SIGTERM
ends the server once it has answered what was sent.
`,
		flags: append([]flagEntry{
			m.file(),
			{&listen, "listen", "HOST:PORT", `address; the default serves this machine alone. There is no password and no
				encryption: put a proxy that has them in front of any other address`},
			{&hosts, "host", "NAME,...", `further names by which clients may call the server, such as that of a proxy before it.
				It answers to localhost, to the address of -listen and, with 0.0.0.0, to the name and the addresses of
				this machine. A request for another name may come from a page elsewhere and is refused`},
			{&maps, "explain", "", "draw no heat maps, which take the memory of a second model"},
			{&limits.Queue, "queue", "N", `images that may be under way, 8 of them for heat maps; more are answered with
				status 503`},
			{&limits.Connections, "max-connections", "N", "open connections; more wait"},
			{&limits.Bytes, "max-bytes", "N", "size of the largest file"},
		}, m.running()...),
		groups: []flagGroup{m.description()},
		examples: `
trainer serve -model runs/octid/model.onnx
curl --data-binary @scan.png http://127.0.0.1:8080/predict
curl --data-binary @scan.png -o map.png http://127.0.0.1:8080/explain
`,
		required: []string{"model"},
		run: func(ctx context.Context, _ []string) error {
			if limits.Connections < 1 || limits.Queue < 1 || limits.Bytes < 1 || m.maxPixels < 1 {
				return badUsage("-max-connections, -queue, -max-bytes and -max-pixels must be at least 1")
			}
			limits.Pixels = m.maxPixels
			return a.serve(ctx, &m, listen, strings.FieldsFunc(hosts, func(r rune) bool { return r == ',' || r == ' ' }), maps,
				limits)
		},
	}
}

func (a *app) serve(ctx context.Context, m *classifierFlags, listen string, hosts []string, maps bool,
	limits serve.Limits) error {
	d, r, err := m.describe(a)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("-listen %s: %w", listen, err)
	}
	defer l.Close()
	whole := context.WithoutCancel(ctx) // a signal lets the requests under way end
	c, _, err := m.open(whole, a, d, r, m.batch)
	if err != nil {
		return err
	}
	defer c.Close()
	noMaps := errors.New("the server was started with -explain=false")
	var x *explain.Model
	if maps {
		if x, err = openExplainer(whole, m.path, d); err == nil {
			defer x.Close()
		} else {
			a.console.fail("warning: there are no heat maps: ", err)
			noMaps = errors.New("the model cannot be differentiated; the server's log says why") // clients don't see paths
		}
	}
	server, err := serve.New(c, d, x, noMaps, limits)
	if err != nil {
		return err
	}
	if rule, err := d.DefaultRule(); err == nil && rule != nil {
		a.console.line("decisions by the threshold of the run: " + rule.String())
	}
	if address, ok := l.Addr().(*net.TCPAddr); ok && !address.IP.IsLoopback() {
		slog.Warn("anyone in the network can reach this server without a password, and nothing is encrypted",
			"remedy", "listen on 127.0.0.1, behind a proxy with a password")
	}
	a.console.line("serving on http://" + l.Addr().String())
	if name, _, err := net.SplitHostPort(listen); err == nil && name != "" {
		hosts = append(hosts, name)
	}
	return server.Serve(ctx, l, hosts...)
}

// openExplainer opens a model to explain one image at a time. It uses half of the cores and leaves the others to
// predictions.
func openExplainer(ctx context.Context, path string, d *inference.Description) (*explain.Model, error) {
	defer debug.FreeOSMemory() // reading and differentiating take memory that is not needed again
	threads := max(1, runtime.GOMAXPROCS(0)/2)
	return explain.Open(ctx, path, explain.Options{Output: d.Output, Side: d.Size, Weights: d.Weights, Batch: 1,
		Threads: threads})
}
