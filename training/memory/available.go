package memory

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"fovea/onnx/engine"
)

// Free returns how many bytes sessions and arenas of an engine may still take: on the GPU, or of the machine's memory,
// which is known on Linux only.
func Free(e *engine.Engine) (int64, error) {
	if d := e.Device(); d != nil {
		free, _, err := d.Free()
		return free, err
	}
	return availableIn(os.DirFS("/"))
}

// availableIn returns how many bytes this process may still take before Linux ends one: what the system has, or what is
// left of a container's limit.
func availableIn(root fs.FS) (int64, error) {
	text, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("how much memory is free is known on Linux only: %w", err)
	}
	kib, ok := numberOf(text, "MemAvailable:")
	if !ok {
		return 0, fmt.Errorf("/proc/meminfo has no MemAvailable")
	}
	available := kib << 10
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return available, nil
	}
	for line := range strings.Lines(string(groups)) { // number:controllers:path
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		g := groupFiles{root, "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"}
		if parts[1] != "" {
			if !slices.Contains(strings.Split(parts[1], ","), "memory") {
				continue
			}
			g = groupFiles{root, "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
				"total_inactive_file"}
		}
		// Each group above has a limit too. Inside a container the path may be the host's: then only the last of these
		// exists.
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			if left, limited := g.left(dir); limited {
				available = min(available, left)
			}
			if dir == "/" {
				break
			}
		}
	}
	return max(available, 0), nil
}

// groupFiles names the files in which control groups of version 1 or 2 state their limit and use.
type groupFiles struct {
	root                   fs.FS
	mount                  string
	limit, usage, inactive string
}

// left returns what a group may still use. Pages of files that were not read of late make room.
func (g groupFiles) left(dir string) (left int64, limited bool) {
	number := func(name string) (int64, bool) {
		text, err := fs.ReadFile(g.root, path.Join(g.mount, dir, name))
		if err != nil {
			return 0, false
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64) // or "max"
		return n, err == nil
	}
	limit, ok := number(g.limit)
	usage, known := number(g.usage)
	if !ok || !known {
		return 0, false
	}
	stat, err := fs.ReadFile(g.root, path.Join(g.mount, dir, "memory.stat"))
	if err == nil {
		inactive, _ := numberOf(stat, g.inactive)
		usage -= inactive
	}
	return limit - usage, true
}

// numberOf returns the number that follows a name at the beginning of a line.
func numberOf(text []byte, name string) (int64, bool) {
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) > 1 && words[0] == name {
			n, err := strconv.ParseInt(words[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
