//go:build unix

package signals

import (
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func TestKeep(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc/self/status")
	}
	ignored := func() string {
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(status), "SigIgn:")
		mask, _, _ := strings.Cut(rest, "\n")
		return strings.TrimSpace(mask)
	}
	before, within := ignored(), ""
	defer signal.Reset(syscall.SIGUSR1)
	err := Keep(func() error {
		signal.Ignore(syscall.SIGUSR1) // as a provider would
		within = ignored()
		return nil
	})
	if err != nil || within == before {
		t.Fatalf("%v: ignored signals %s, within %s", err, before, within)
	}
	if after := ignored(); after != before {
		t.Errorf("ignored signals %s, afterwards %s", before, after)
	}
}
