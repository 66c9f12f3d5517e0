package naming

import (
	"path/filepath"
	"strings"
)

// Portable returns a path for a file that others get, without what names this machine or its user. An absolute path
// becomes one from the working directory if it lies below that, else its last part. Other paths come as they are.
func Portable(path string) string {
	if !filepath.IsAbs(path) {
		return path
	}
	if here, err := filepath.Abs("."); err == nil {
		if below, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(below) {
			return below
		}
	}
	return filepath.Base(path)
}

// PortableArguments returns the arguments of a command line with [Portable] paths, also in values such as -data=PATH.
func PortableArguments(args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		out[i] = Portable(arg)
		if at := strings.LastIndex(arg, "="); at >= 0 {
			out[i] = arg[:at+1] + Portable(arg[at+1:])
		}
	}
	return out
}
