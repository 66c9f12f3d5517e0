package export

import (
	"bufio"
	"os"
	"runtime"
	"strings"

	"fovea/onnx/ort"
)

func machine(o ort.Options) Machine {
	m := Machine{System: runtime.GOOS + "/" + runtime.GOARCH, Processor: processor(), Provider: o.Provider, Threads: o.Threads,
		Runtime: ort.Version()}
	return m
}

// processor is the name that Linux has for it, else nothing.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
