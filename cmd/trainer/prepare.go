package main

import (
	"context"
	"errors"
	"fmt"

	"fovea/data/prepare"
	"fovea/training/config"
)

func runPrepare(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("prepare")
	o := prepare.Options{Progress: a.console.update}
	var dry bool
	fs.BoolVar(&dry, "n", false, "say what would be done, write nothing")
	fs.BoolVar(&dry, "dry-run", false, "the same as -n")
	fs.BoolVar(&o.Crop, "crop", false, "crop fundus photographs to the retina, squared")
	fs.IntVar(&o.Side, "side", 0, "scale cropped images down to this side")
	fs.BoolVar(&o.AnyCount, "any-count", false, "accept numbers of images other than the published ones")
	operands, err := parseOperands(fs, args)
	if err != nil {
		return err
	}
	if len(operands) != 3 {
		return &usageError{"prepare", fmt.Errorf("expected NAME SOURCE DEST, found %q", operands)}
	}
	if o.Set, err = findSet(operands[0]); err != nil {
		return &usageError{"prepare", err}
	}
	if o.Side < 0 || o.Side > 0 && !o.Crop {
		return &usageError{"prepare", errors.New("-side needs -crop and a side of 1 pixel or more")}
	}
	o.Source, o.Dest = operands[1], operands[2]

	plan, err := prepare.New(ctx, o)
	a.console.endTask()
	if err != nil {
		return err
	}
	defer plan.Close()
	if dry {
		fmt.Fprintf(a.stdout, "%swould be written to: %s\n", plan.Report(), o.Dest)
		return nil
	}
	err = plan.Write(ctx)
	a.console.endTask()
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%swritten to: %s\n", plan.Report(), o.Dest)
	return nil
}

func findSet(name string) (*prepare.Set, error) {
	if s := prepare.Find(name); s != nil {
		return s, nil
	}
	var names []string
	for _, s := range prepare.Sets {
		names = append(names, s.Name)
	}
	if n := config.Nearest(name, names); n != "" {
		return nil, fmt.Errorf("unknown data set %q, did you mean %s?", name, n)
	}
	return nil, fmt.Errorf("unknown data set %q; the sets are %q", name, names)
}
