package ort

import "fmt"

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
		return fmt.Errorf("ONNX Runtime reports %q, which is not a version number", version)
	}
	if major == 1 && minor < API {
		return fmt.Errorf("too old: ONNX Runtime %s offers API %d; fovea needs %d: ONNX Runtime %s to %s",
			version, minor, API, OldestVersion, NewestTested)
	}
	return nil
}

// parseVersion returns 1 and 27 for "1.27.0" and "1.27.0-rc1".
func parseVersion(version string) (major, minor int, ok bool) {
	n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor)
	return major, minor, n == 2
}
