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

// release is the version of a release. tools/release sets it with -ldflags -X.
var release string

// version returns the version of the release, else that of the module with the revision of the clone.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if release != "" || !ok {
		return cmp.Or(release, "(unknown: built without modules)")
	}
	return versionOf(info)
}

func versionOf(info *debug.BuildInfo) string {
	v := cmp.Or(info.Main.Version, "(devel)")
	if v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return v + " " + s.Value
		}
	}
	return v + " of an unknown revision (built with -buildvcs=false or outside a clone)"
}
