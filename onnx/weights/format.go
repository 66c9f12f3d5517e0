package weights

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"fovea/internal/regular"
	"fovea/internal/textfile"
)

// A Format is a way in which files keep tensors.
type Format string

const (
	Safetensors Format = "safetensors"
	ONNX        Format = "ONNX"
	TorchZip    Format = "PyTorch"
	Pickle      Format = "pickle of PyTorch before 1.6 or of PaddlePaddle"
	Index       Format = "index of several files"
)

// Detect returns the format of the file at path. Its first bytes tell the format; the extension counts only where they
// do not.
func Detect(path string) (Format, error) {
	format, err := detect(path)
	if err != nil {
		return "", fmt.Errorf("opening weights %s: %w", path, err)
	}
	return format, nil
}

func detect(path string) (Format, error) {
	f, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, textfile.HeadSize)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return "", err
	}
	head = head[:n]
	if err := textfile.NotData(head); err != nil {
		return "", err
	}
	ext := strings.ToLower(filepath.Ext(path))
	switch { // a safetensors file first: the length of its header may look like any other's mark
	case n == 0:
		return "", fmt.Errorf("the file is empty")
	case n > 8 && head[8] == '{' && string(head[4:8]) == "\x00\x00\x00\x00":
		return Safetensors, nil
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return TorchZip, nil
	case head[0] == 0x80 && n > 1 && head[1] >= 2 && head[1] <= 5: // a pickle and its protocol
		return Pickle, nil
	case bytes.HasPrefix(head, []byte("\x89HDF")):
		return "", fmt.Errorf("this is an HDF5 file (Keras), which is not read: " +
			"load it in Python and save its arrays with safetensors.numpy.save_file")
	case ext == ".safetensors":
		return Safetensors, nil
	case isIndex(path):
		return Index, nil
	case ext == ".onnx", head[0] == 0x08: // field 1 of a ModelProto, ir_version
		return ONNX, nil
	}
	return "", fmt.Errorf("none of safetensors, ONNX, .pth of PyTorch, .pdparams of PaddlePaddle and .index.json: " +
		"save the weights as one of them")
}
