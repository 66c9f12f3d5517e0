package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"
)

// maxHeader is the largest header that the official library reads.
const maxHeader = 100_000_000

// maxTensors is the largest number of tensors in a header: each takes time and memory. Large models have some thousand.
const maxTensors = 1 << 18

// metadataKey is the one name in a header that no tensor may have.
const metadataKey = "__metadata__"

func parseSafetensors(b []byte) (contents, error) {
	tensors, metadata, err := Parse(b)
	return contents{tensors: tensors, metadata: metadata}, err
}

// Parse decodes the content of a safetensors file. Each tensor's Data is b's memory. It makes every check of the
// official library: the header's length and encoding, known types, sizes that agree with shapes, and data sections that
// follow each other without gap or overlap up to the last byte.
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

// An entry is a tensor's description in the header.
type entry struct {
	name, dtype string
	shape       []int64
	begin, end  int64 // of its bytes behind the header
}

// parseEntry decodes a description. Unlike encoding/json alone it refuses keys in another case, null, and arrays of
// another length.
func parseEntry(name string, value json.RawMessage) (entry, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(value, &fields); err != nil {
		return entry{}, err
	}
	e := entry{name: name}
	var shape, offsets []count
	for key, into := range map[string]any{"dtype": &e.dtype, "shape": &shape, "data_offsets": &offsets} {
		if field, ok := fields[key]; !ok || string(field) == "null" {
			return entry{}, fmt.Errorf("%s is missing", key)
		}
		if err := json.Unmarshal(fields[key], into); err != nil {
			return entry{}, fmt.Errorf("%s: %w", key, err)
		}
	}
	if len(offsets) != 2 {
		return entry{}, fmt.Errorf("data_offsets has %d numbers instead of 2", len(offsets))
	}
	e.begin, e.end = int64(offsets[0]), int64(offsets[1])
	e.shape = make([]int64, len(shape))
	for i, n := range shape {
		e.shape[i] = int64(n)
	}
	return e, nil
}

// A count is a JSON integer from 0 to the largest int64.
type count int64

func (c *count) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseUint(string(b), 10, 63)
	*c = count(n)
	return err
}

func parseHeader(header []byte) (entries []entry, metadata map[string]string, err error) {
	if !utf8.Valid(header) {
		return nil, nil, fmt.Errorf("not valid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(header))
	if first, err := dec.Token(); err != nil {
		return nil, nil, err
	} else if first != json.Delim('{') {
		return nil, nil, fmt.Errorf("not a JSON object")
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
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, nil, fmt.Errorf("%q: %w", name, err)
		}
		if name == metadataKey {
			if err := json.Unmarshal(value, &metadata); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		e, err := parseEntry(name, value)
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		if entries = append(entries, e); len(entries) > maxTensors {
			return nil, nil, fmt.Errorf("more than %d tensors", maxTensors)
		}
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
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	tensors := make([]Tensor, 0, len(entries))
	at := int64(0)
	for _, e := range entries {
		i := slices.IndexFunc(dtypes, func(d dtypeName) bool { return d.name == e.dtype })
		if i < 0 {
			return nil, fmt.Errorf("tensor %q has an unknown dtype %q", e.name, e.dtype)
		}
		typ := dtypes[i].typ
		size, err := sizeOf(typ, e.shape)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", e.name, err)
		}
		if e.begin != at || e.end < e.begin {
			return nil, fmt.Errorf("tensor %q has data offsets %d to %d where %d is the next free byte: "+
				"overlap, gap or damage", e.name, e.begin, e.end, at)
		}
		if e.end-e.begin != size {
			return nil, fmt.Errorf("tensor %q has %d bytes, but %s of shape %v has %d",
				e.name, e.end-e.begin, e.dtype, e.shape, size)
		}
		if e.end > int64(len(data)) {
			return nil, fmt.Errorf("tensor %q ends at byte %d of %d: the file is truncated", e.name, e.end, len(data))
		}
		tensors = append(tensors, Tensor{Name: e.name, Type: typ, Shape: e.shape, Data: data[e.begin:e.end:e.end]})
		at = e.end
	}
	if at != int64(len(data)) {
		return nil, fmt.Errorf("%d bytes of data, but the tensors fill %d", len(data), at)
	}
	return tensors, nil
}
