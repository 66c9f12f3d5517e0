package data

import (
	"fmt"
	"slices"
	"testing"
)

// A plus sign merges classes, but may also belong to a name.
func TestMergedNames(t *testing.T) {
	known := []string{"GON+", "GON-", "a", "a+b", "b", "=1", "other"}
	for entry, want := range map[string][]string{
		"new = GON+ + GON-": {"GON+", "GON-"}, "new = a+b + GON-": {"a+b", "GON-"}, "new = a + b": {"a", "b"},
		"new = a + b + a+b": {"a", "b", "a+b"}, "new = b+a": {"b", "a"}, "new = =1 + GON+": {"=1", "GON+"},
	} {
		entries := []string{entry}
		for _, k := range known {
			if k == "other" {
				entries = append(entries, k)
			} else if !slices.Contains(want, k) {
				entries = append(entries, "-"+k)
			}
		}
		r, err := Regroup(known, entries)
		if err != nil || fmt.Sprint(r.Merged["new"]) != fmt.Sprint(want) {
			t.Errorf("%s: %v, %v; want %v", entry, r, err, want)
		}
	}
}
