package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"fovea/data"
	"fovea/data/augment"
)

// workData makes the passes that its input asks for: "jpeg-3mp", or "cached
// jpeg-3mp". It follows the protocol of data_peer.py.
func workData(ctx context.Context, s setup) error {
	cache, err := data.OpenCache(filepath.Join(s.dir, "..", "cache"), max(2*s.size, 512))
	if err != nil {
		return err
	}
	t := data.NewTrainTransform(s.size)
	if t.Policy, err = augment.Parse("rand-m9-mstd0.5-inc1"); err != nil {
		return err
	}
	t.Erase = augment.Eraser{Probability: 0.25, Mode: augment.ErasePixel, Count: 1}
	loaders := map[string]*data.Loader{}
	for _, kind := range imageKinds {
		paths, err := filepath.Glob(filepath.Join(s.dir, kind, "*"))
		if err != nil {
			return err
		}
		var samples []data.Sample
		for _, p := range paths {
			samples = append(samples, data.Sample{Path: p})
		}
		if _, _, err := data.Verify(ctx, samples, 1, cache, t, nil); err != nil {
			return err
		}
		for prefix, c := range map[string]*data.Cache{"": nil, "cached ": cache} {
			l, err := data.NewLoader(data.LoaderConfig{Samples: samples, Batch: 4, Workers: 1, Seed: 1,
				Transform: t, Cache: c})
			if err != nil {
				return err
			}
			loaders[prefix+kind] = l
		}
	}
	out := json.NewEncoder(os.Stdout)
	fmt.Println("ready")
	in := bufio.NewScanner(os.Stdin)
	for epoch := 0; in.Scan() && strings.TrimSpace(in.Text()) != "quit"; epoch++ {
		l := loaders[in.Text()]
		if l == nil {
			return fmt.Errorf("unknown request %q", in.Text())
		}
		p, err := makePass(ctx, l, epoch)
		if err != nil {
			return err
		}
		if err := out.Encode(p); err != nil {
			return err
		}
	}
	return out.Encode(farewell{})
}

func makePass(ctx context.Context, l *data.Loader, epoch int) (p pass, err error) {
	before, err := processorTime()
	if err != nil {
		return p, err
	}
	it := l.Epoch(ctx, epoch, 0)
	defer it.Close()
	for {
		b, err := it.Next()
		if errors.Is(err, io.EOF) {
			after, err := processorTime()
			p.CPU = after - before
			return p, err
		}
		if err != nil {
			return p, err
		}
		p.Images += b.N
		b.Release()
	}
}
