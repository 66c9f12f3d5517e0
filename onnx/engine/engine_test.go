package engine

import "testing"

func TestOlderRuntime(t *testing.T) {
	for version, want := range map[string]bool{
		"1.26.0": true, "1.30.1": true, "1.31.1": false, "1.32.0": false, "2.0.0": false, "": false,
	} {
		if got := olderRuntime(version, 31); got != want {
			t.Errorf("%q is older than 1.31: %v", version, got)
		}
	}
}
