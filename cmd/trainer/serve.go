package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"runtime/debug"

	"fovea/inference"
	"fovea/inference/explain"
	"fovea/inference/serve"
)

func runServe(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("serve")
	var model classifierFlags
	model.add(fs, 16)
	listen := fs.String("listen", "127.0.0.1:8080", "address")
	var limits serve.Limits
	maps := fs.Bool("explain", true, "draw heat maps")
	fs.IntVar(&limits.Connections, "max-connections", 1024, "open connections")
	fs.IntVar(&limits.Queue, "queue", 256, "images under way")
	fs.Int64Var(&limits.Bytes, "max-bytes", 32<<20, "largest file")
	fs.IntVar(&limits.Pixels, "max-pixels", 40_000_000, "largest image")
	if err := parse(fs, args); err != nil {
		return err
	}
	if err := required(fs, "model"); err != nil {
		return err
	}
	if limits.Connections < 1 || limits.Queue < 1 || limits.Bytes < 1 || limits.Pixels < 1 {
		return &usageError{"serve", errors.New("-max-connections, -queue, -max-bytes and -max-pixels must be at least 1")}
	}
	d, r, err := model.describe(a, "serve")
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return fmt.Errorf("-listen %s: %w", *listen, err)
	}
	defer l.Close()
	c, err := model.open(ctx, a, d, r, model.batch)
	if err != nil {
		return err
	}
	defer c.Close()
	noMaps := errors.New("the server was started with -explain=false")
	var x *explain.Model
	if *maps {
		if x, err = openExplainer(model.path, d); err == nil {
			defer x.Close()
		} else {
			a.console.line("warning: there are no heat maps: " + err.Error())
			noMaps = errors.New("the model cannot be differentiated; the server's log says why") // not where its file is
		}
	}
	server, err := serve.New(c, d, x, noMaps, limits)
	if err != nil {
		return err
	}
	a.console.line("serving on http://" + l.Addr().String())
	return server.Serve(ctx, l)
}

// openExplainer opens a model to explain one image at a time, on half of the
// cores: the others are left to predictions.
func openExplainer(path string, d *inference.Description) (*explain.Model, error) {
	defer debug.FreeOSMemory() // what reading and differentiating took
	return explain.Open(path, explain.Options{Output: d.Output, Side: d.Size, Batch: 1, Threads: max(1, runtime.GOMAXPROCS(0)/2)})
}
