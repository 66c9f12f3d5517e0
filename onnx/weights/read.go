package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"fovea/onnx"
	"fovea/onnx/internal/mmap"
)

// maxHeader is the largest header that the official library reads.
const maxHeader = 100_000_000

// metadataKey is the one name in a header that is not a tensor's.
const metadataKey = "__metadata__"

func openSafetensors(path string) (*File, error) {
	m, err := mmap.Open(path)
	if err != nil {
		return nil, err
	}
	tensors, metadata, err := Parse(m.Bytes())
	if err == nil {
		var f *File
		if f, err = newFile(tensors, metadata, m.Close); err == nil {
			return f, nil
		}
	}
	m.Close()
	return nil, err
}

// Parse decodes the content of a safetensors file. Each tensor's Data is b's
// memory. It applies every check of the official library: the header's length
// and encoding, known types, sizes that agree with shapes, and data sections
// that follow each other without gap or overlap up to the last byte.
func Parse(b []byte) ([]Tensor, map[string]string, error) {
	if len(b) < 8 {
		return nil, nil, fmt.Errorf("safetensors: %d bytes are too few for a header", len(b))
	}
	n := binary.LittleEndian.Uint64(b)
	if n > maxHeader {
		return nil, nil, fmt.Errorf("safetensors: a header of %d bytes is above the limit of %d: "+
			"not a safetensors file, or a damaged one", n, maxHeader)
	}
	if n > uint64(len(b)-8) {
		return nil, nil, fmt.Errorf("safetensors: the header has %d bytes but the file ends after %d: "+
			"the file is truncated", n, len(b)-8)
	}
	entries, metadata, err := parseHeader(b[8 : 8+n])
	if err != nil {
		return nil, nil, fmt.Errorf("safetensors: header: %w", err)
	}
	tensors, err := sections(entries, b[8+n:])
	if err != nil {
		return nil, nil, fmt.Errorf("safetensors: %w", err)
	}
	return tensors, metadata, nil
}

// entry is a tensor's description in the header. Pointers tell absent keys.
type entry struct {
	name    string
	DType   *string    `json:"dtype"`
	Shape   *[]int64   `json:"shape"`
	Offsets *[2]uint64 `json:"data_offsets"`
}

func parseHeader(header []byte) (entries []entry, metadata map[string]string, err error) {
	if !utf8.Valid(header) {
		return nil, nil, fmt.Errorf("not valid UTF-8")
	}
	if !bytes.HasPrefix(header, []byte("{")) {
		return nil, nil, fmt.Errorf("does not start with {")
	}
	dec := json.NewDecoder(bytes.NewReader(header))
	if _, err := dec.Token(); err != nil {
		return nil, nil, err
	}
	metadata = map[string]string{}
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, nil, err
		}
		name, ok := token.(string)
		if !ok {
			return nil, nil, fmt.Errorf("key %v is not a string", token)
		}
		if seen[name] {
			return nil, nil, fmt.Errorf("key %q appears twice", name)
		}
		seen[name] = true
		if name == metadataKey {
			if err := dec.Decode(&metadata); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		e := entry{name: name}
		if err := dec.Decode(&e); err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		if e.DType == nil || e.Shape == nil || e.Offsets == nil {
			return nil, nil, fmt.Errorf("tensor %q: dtype, shape or data_offsets is missing", name)
		}
		entries = append(entries, e)
	}
	if _, err := dec.Token(); err != nil {
		return nil, nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, nil, fmt.Errorf("more than one JSON value")
	}
	if metadata == nil { // "__metadata__": null
		metadata = map[string]string{}
	}
	return entries, metadata, nil
}

// sections cuts the data behind the header into the tensors of entries.
func sections(entries []entry, data []byte) ([]Tensor, error) {
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.Offsets[0], b.Offsets[0]), cmp.Compare(a.Offsets[1], b.Offsets[1]))
	})
	tensors := make([]Tensor, 0, len(entries))
	at := uint64(0)
	for _, e := range entries {
		typ, ok := typeOf(*e.DType)
		if !ok {
			return nil, fmt.Errorf("tensor %q has an unknown dtype %q", e.name, *e.DType)
		}
		size, err := onnx.DataSize(typ, *e.Shape)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", e.name, err)
		}
		begin, end := e.Offsets[0], e.Offsets[1]
		if begin != at || end < begin {
			return nil, fmt.Errorf("tensor %q has data offsets %d to %d where %d is the next free byte: "+
				"overlap, gap or damage", e.name, begin, end, at)
		}
		if end-begin != uint64(size) {
			return nil, fmt.Errorf("tensor %q has %d bytes, but %s of shape %v has %d",
				e.name, end-begin, *e.DType, *e.Shape, size)
		}
		if end > uint64(len(data)) {
			return nil, fmt.Errorf("tensor %q ends at byte %d of %d: the file is truncated", e.name, end, len(data))
		}
		tensors = append(tensors, Tensor{e.name, typ, *e.Shape, data[begin:end:end]})
		at = end
	}
	if at != uint64(len(data)) {
		return nil, fmt.Errorf("%d bytes of data, but the tensors fill %d", len(data), at)
	}
	return tensors, nil
}
