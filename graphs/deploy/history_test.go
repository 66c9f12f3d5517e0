package deploy

import (
	"encoding/json"
	"os"
	"testing"
)

// TestHistory: what is known of operators agrees with ONNX's own schemas: the steady ones are in opset 13 and have
// never had other inputs, outputs or attributes since; of the others each such change is listed.
func TestHistory(t *testing.T) {
	var history map[string]struct {
		First   int64
		Changed []int64
	}
	text, err := os.ReadFile("testdata/history.json")
	if err == nil {
		err = json.Unmarshal(text, &history)
	}
	if err != nil {
		t.Fatal(err)
	}
	for op := range steady {
		h, ok := history[op]
		if !ok || h.First > OldestOpset || len(h.Changed) > 0 {
			t.Errorf("%s is not steady: %+v", op, h)
		}
		if changes[op] != nil {
			t.Errorf("%s is steady and has changes", op)
		}
	}
	for op, list := range changes {
		h, ok := history[op]
		if !ok || h.First > OldestOpset && (list[h.First].down == nil || list[h.First].down(nil, nil) == nil) {
			t.Errorf("%s is not in opset %d, but can be written there: %+v", op, OldestOpset, h)
		}
		for _, v := range h.Changed {
			if _, ok := list[v]; !ok {
				t.Errorf("%s: nothing is said of what opset %d changed", op, v)
			}
		}
	}
	for op, e := range expansions {
		if h := history[op]; h.First != e.since {
			t.Errorf("%s came with opset %d, not %d", op, h.First, e.since)
		}
	}
}
