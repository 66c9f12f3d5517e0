package ort

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// An Event is one entry of the profile that [Session.EndProfile] names.
type Event struct {
	Category string  `json:"cat"` // "Node", or "Kernel" where the runtime was built to record a GPU's
	Name     string  `json:"name"`
	Duration float64 `json:"dur"` // µs
	Args     struct {
		Op string `json:"op_name"`
	} `json:"args"`
}

// Node returns the name of the node whose run the event records. ok is false for other events.
func (e Event) Node() (name string, ok bool) {
	name, ok = strings.CutSuffix(e.Name, "_kernel_time")
	return name, ok && e.Category == "Node"
}

// ReadProfile returns the events of a profile, in their order.
func ReadProfile(path string) ([]Event, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var events []Event
	if err := json.Unmarshal(text, &events); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return events, nil
}
