// Package machine describes the machine that a program runs on, for reports.
package machine

import (
	"bufio"
	"os"
	"runtime"
	"strings"
)

// Processor returns the processor's name if the system tells it, else its architecture.
func Processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
