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

// A Checkpoint holds the state of a training run.
type Checkpoint struct {
	Parameters []weights.Tensor
	Optimizer  []weights.Tensor
	State      json.RawMessage // any JSON value of the caller

	files []*weights.File // mapped files of a checkpoint that was read
}

// Close releases a checkpoint that was read. Its tensors must not be used afterwards.
func (c *Checkpoint) Close() error {
	var errs []error
	for _, f := range c.files {
		errs = append(errs, f.Close())
	}
	c.files = nil
	return errors.Join(errs...)
}

// A manifest is the content of state.json.
type manifest struct {
	Format   int                `json:"format"`
	Files    map[string]fileSum `json:"files"`
	StateSum string             `json:"state_crc32c"`
	State    json.RawMessage    `json:"state"`
}

// A fileSum identifies the content of a file. A CRC finds damage at the speed of memory; nothing here defends against
// forgery.
type fileSum struct {
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

// paths returns the folder that holds the checkpoint dir, the prefix of its writers' temporary folders, and the path at
// which swapByRenaming keeps the earlier checkpoint.
func paths(dir string) (parent, temporary, old string) {
	parent, base := filepath.Split(filepath.Clean(dir))
	parent = filepath.Clean(parent)
	return parent, "." + base + ".tmp-", filepath.Join(parent, "."+base+".old")
}

// formatCRC returns a checksum as state.json has it.
func formatCRC(crc uint32) string { return fmt.Sprintf("%08x", crc) }
