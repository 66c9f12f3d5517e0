package ort

import (
	"fmt"
	"strconv"
	"strings"
)

// The versions of ONNX Runtime that the tests ran with. Newer ones keep the interfaces of older ones and are accepted
// too.
const (
	OldestVersion = "1.26"
	NewestTested  = "1.32"
)

// CheckVersion returns an error unless a library of this version offers the interface [API]. ONNX Runtime 1.N offers
// the interfaces 1 to N.
func CheckVersion(version string) error {
	major, minor, ok := parseVersion(version)
	if !ok {
		return fmt.Errorf("ONNX Runtime tells the version %q, which is none", version)
	}
	if major == 1 && minor < API {
		return fmt.Errorf("too old: ONNX Runtime %s offers API %d; fovea needs %d: ONNX Runtime %s to %s",
			version, minor, API, OldestVersion, NewestTested)
	}
	return nil
}

// parseVersion reads "1.27.0" or "1.27.0-rc1".
func parseVersion(version string) (major, minor int, ok bool) {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return 0, 0, false
	}
	minor, err = strconv.Atoi(parts[1])
	return major, minor, err == nil
}
