package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"fovea/onnx/weights"
)

// formatVersion is raised when older readers would misread a checkpoint.
const formatVersion = 1

// Checkpoint is the state of a training run.
type Checkpoint struct {
	Parameters []weights.Tensor
	Optimizer  []weights.Tensor
	State      json.RawMessage // a JSON value of the caller's own

	files []*weights.File // mapped, when the checkpoint was read
}

// Close releases a checkpoint that was read. Its tensors must not be touched afterwards.
func (c *Checkpoint) Close() error {
	var errs []error
	for _, f := range c.files {
		errs = append(errs, f.Close())
	}
	c.files = nil
	return errors.Join(errs...)
}

// manifest is the content of state.json.
type manifest struct {
	Format   int             `json:"format"`
	Files    map[string]sum  `json:"files"`
	StateSum string          `json:"state_crc32c"`
	State    json.RawMessage `json:"state"`
}

// sum is what a file is recognised by. A CRC finds damage at the speed of memory; nothing here defends against forgery.
type sum struct {
	Size int64  `json:"size"`
	CRC  string `json:"crc32c"`
}

// stateSum returns the checksum of a JSON value, whatever its white space.
func stateSum(state json.RawMessage) (string, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, state); err != nil {
		return "", err
	}
	return formatCRC(checksum(compact.Bytes())), nil
}

// names returns the folder of the checkpoint dir, what the temporary names of its writers start with, and where the
// fallback of swap keeps the earlier one.
func names(dir string) (parent, temporary, old string) {
	parent, base := filepath.Split(filepath.Clean(dir))
	parent = filepath.Clean(parent)
	return parent, "." + base + ".tmp-", filepath.Join(parent, "."+base+".old")
}

func formatCRC(crc uint32) string { return fmt.Sprintf("%08x", crc) }
