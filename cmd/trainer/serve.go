package main

import (
	"context"
	"fmt"
	"net"

	"fovea/inference"
	"fovea/inference/serve"
)

func runServe(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("serve")
	var model classifierFlags
	model.add(fs)
	listen := fs.String("listen", "127.0.0.1:8080", "address")
	var limits serve.Limits
	fs.IntVar(&limits.Queue, "queue", 256, "images under way")
	fs.Int64Var(&limits.Bytes, "max-bytes", 32<<20, "largest file")
	fs.IntVar(&limits.Pixels, "max-pixels", 40_000_000, "largest image")
	if err := parse(fs, args); err != nil {
		return err
	}
	if err := required(fs, "model"); err != nil {
		return err
	}
	if limits.Queue < 1 || limits.Bytes < 1 || limits.Pixels < 1 {
		return &usageError{"serve", fmt.Errorf("-queue, -max-bytes and -max-pixels must be at least 1")}
	}
	given, runtime, err := model.read(a, "serve")
	if err != nil {
		return err
	}
	d, err := inference.Describe(model.path, given)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return fmt.Errorf("-listen %s: %w", *listen, err)
	}
	defer l.Close()
	c, err := model.open(ctx, a, d, runtime, model.batch)
	if err != nil {
		return err
	}
	defer c.Close()
	server, err := serve.New(c, d, limits)
	if err != nil {
		return err
	}
	a.console.line("serving on http://" + l.Addr().String())
	return server.Serve(ctx, l)
}
