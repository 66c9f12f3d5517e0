package memory

import (
	"testing"
	"testing/fstest"
)

func TestAvailableMemory(t *testing.T) {
	const meminfo = "MemTotal:       16384 kB\nMemFree:         1024 kB\nMemAvailable:    8192 kB\n"
	for _, test := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"no groups", nil, 8 << 20},
		{"no limit", map[string]string{"proc/self/cgroup": "0::/user.slice/me\n",
			"sys/fs/cgroup/user.slice/me/memory.max": "max\n", "sys/fs/cgroup/user.slice/me/memory.current": "5\n"},
			8 << 20},
		{"a limit of the group above", map[string]string{"proc/self/cgroup": "0::/pod/box\n",
			"sys/fs/cgroup/pod/box/memory.max": "9000000\n", "sys/fs/cgroup/pod/box/memory.current": "4000000\n",
			"sys/fs/cgroup/pod/memory.max": "6000000\n", "sys/fs/cgroup/pod/memory.current": "5000000\n",
			"sys/fs/cgroup/pod/memory.stat": "anon 1\ninactive_file 3000000\n"}, 4000000},
		{"a container that sees itself as the root", map[string]string{"proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "6000000\n", "sys/fs/cgroup/memory.current": "1000000\n"}, 5000000},
		{"version 1, with the host's path", map[string]string{
			"proc/self/cgroup":                             "4:cpu,cpuacct:/docker/1\n3:memory:/docker/1\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   "6000000\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes":   "5000000\n",
			"sys/fs/cgroup/memory/memory.stat":             "inactive_file 1\ntotal_inactive_file 1000000\n",
			"sys/fs/cgroup/cpu/docker/1/memory.max":        "1\n",
			"sys/fs/cgroup/memory.max":                     "1\n",
			"sys/fs/cgroup/memory.current":                 "1\n",
			"sys/fs/cgroup/memory/other/memory.max":        "1\n",
			"sys/fs/cgroup/memory/docker/memory.kmem.size": "1\n"}, 2000000},
		{"over its limit", map[string]string{"proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "6000000\n", "sys/fs/cgroup/memory.current": "6000001\n"}, 0},
	} {
		root := fstest.MapFS{"proc/meminfo": {Data: []byte(meminfo)}}
		for name, text := range test.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if got, err := availableIn(root); err != nil || got != test.want {
			t.Errorf("%s: %d bytes, %v, want %d", test.name, got, err, test.want)
		}
	}
	if _, err := availableIn(fstest.MapFS{}); err == nil {
		t.Error("memory is known without /proc")
	}
}
