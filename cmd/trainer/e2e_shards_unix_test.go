//go:build unix

package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestKilledShards: thousands of images in archives, in 16 shards of which 3 are killed and repeated, have the
// predictions of one process.
func TestKilledShards(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program and predicts 3,240 images")
	}
	program, dir := build(t), t.TempDir()
	archives := tarred(t, "train", dir, 4, 3)
	predict := append(append([]string{"predict"}, foreignModel...), archives...)
	whole, parts := filepath.Join(dir, "whole.csv"), filepath.Join(dir, "p.csv")
	done(t, append(predict, "-out", whole)...)
	run := func(i int, kill bool) {
		t.Helper()
		seen := make(chan string, 1)
		c := program.start(t, seen, nil, append(predict, "-out", parts, "-shard", fmt.Sprintf("%d/16", i))...)
		if kill {
			<-seen // it shows its progress
			c.Process.Signal(syscall.SIGKILL)
		}
		if code := c.exit(t); code != map[bool]int{true: -1}[kill] {
			t.Fatalf("shard %d: exit code %d:\n%s", i, code, &c.stderr)
		}
	}
	for i := 1; i <= 16; i++ {
		run(i, i == 2 || i == 7 || i == 16)
	}
	there := glob(t, filepath.Join(dir, "p.*-of-16.csv"), 13)
	code, _, stderr := trainer(t, append([]string{"merge", "-out", parts}, there...)...)
	if code != exitFailed || !strings.Contains(stderr, "3 of 16 shards are missing: 2/16, 7/16, 16/16") {
		t.Fatalf("exit code %d:\n%s", code, stderr)
	}
	for _, i := range []int{2, 7, 16} {
		run(i, false)
	}
	done(t, append([]string{"merge", "-out", parts}, glob(t, filepath.Join(dir, "p.*-of-16.csv"), 16)...)...)
	rows := bytes.Count(read(t, whole), []byte("\n"))
	if rows != 1+3*1080 || !bytes.Equal(read(t, parts), read(t, whole)) {
		t.Errorf("the merged file is not that of one process, which has %d rows", rows)
	}
}
