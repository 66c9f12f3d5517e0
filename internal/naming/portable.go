package naming

import (
	"path/filepath"
	"regexp"
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

// secrets finds what an address of a web server may hold beside the path: a name with a password, and a signature.
var secrets = regexp.MustCompile(`(?i)(https?://)([^/?#\s]*@)?([^?#]*).*`)

// PortableArguments returns the arguments of a command line with [Portable] paths, also in values such as -data=PATH, and
// without the passwords and signatures in addresses.
func PortableArguments(args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		if out[i] = secrets.ReplaceAllString(arg, "$1$3"); out[i] != arg || strings.Contains(arg, "://") {
			continue
		}
		out[i] = Portable(arg)
		if at := strings.LastIndex(arg, "="); at >= 0 {
			out[i] = arg[:at+1] + Portable(arg[at+1:])
		}
	}
	return out
}
