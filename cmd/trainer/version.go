package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

func runVersion(a *app, _ context.Context, args []string) error {
	if err := parse(a.newFlags("version"), args); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "fovea %s, %s, %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

// version is the module's version, with the revision when built in a clone.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && v == "(devel)" {
			v += " " + s.Value
		}
	}
	return v
}
