package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

func versionCommand(a *app) *command {
	return &command{
		name:     "version",
		summary:  "print the version",
		synopsis: []string{"trainer version"},
		text:     "Prints the version of Fovea and of Go, the operating system and the processor's architecture.",
		run: func(context.Context, []string) error {
			fmt.Fprintf(a.stdout, "fovea %s, %s, %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

// version returns the module's version, with the revision when built in a clone.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	v := cmp.Or(info.Main.Version, "(devel)")
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && v == "(devel)" {
			v += " " + s.Value
		}
	}
	return v
}
