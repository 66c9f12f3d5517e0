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

	"fovea/internal/durable"
	"fovea/onnx"
)

// Write writes tensors and metadata (which may be nil) to a safetensors file at path. The file is replaced whole or not
// at all. Data is written from the memory that it is in; elements that Bytes has to copy are copied one tensor at a
// time.
func Write(path string, tensors []Tensor, metadata map[string]string) error {
	return durable.Write(path, func(w io.Writer) error { return Encode(w, tensors, metadata) })
}

// Encode writes a safetensors file to w. It sorts tensors like the official library, by the widest element type and
// then by name. So every tensor is aligned, and equal content gives equal bytes.
func Encode(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	sorted := slices.Clone(tensors)
	slices.SortFunc(sorted, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(rank(b.Type), rank(a.Type)), cmp.Compare(a.Name, b.Name))
	})
	header, err := encodeHeader(sorted, metadata)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, t := range sorted {
		data, err := t.Bytes()
		if err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// encodeHeader returns the 8 bytes of length and the JSON header. The header is padded with spaces, so that the data
// starts at a multiple of 8.
func encodeHeader(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 8))
	b.WriteByte('{')
	if len(metadata) > 0 {
		for key, value := range metadata {
			if !utf8.ValidString(key) || !utf8.ValidString(value) {
				return nil, fmt.Errorf("metadata %q is not valid UTF-8", key)
			}
		}
		appendJSON(b, metadataKey)
		b.WriteByte(':')
		appendJSON(b, metadata)
	}
	offset := int64(0)
	seen := make(map[string]bool, len(tensors))
	for _, t := range tensors {
		if err := validate(t, seen); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		if b.Len() > 9 {
			b.WriteByte(',')
		}
		size, _ := sizeOf(t.Type, t.Shape) // validated
		end := offset + size
		appendJSON(b, t.Name)
		fmt.Fprintf(b, `:{"dtype":"%s","shape":`, dtypes[rank(t.Type)].name)
		appendJSON(b, append([]int64{}, t.Shape...)) // a scalar's nil shape is [], not null
		fmt.Fprintf(b, `,"data_offsets":[%d,%d]}`, offset, end)
		offset = end
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	header := b.Bytes()
	if len(header)-8 > maxHeader {
		return nil, fmt.Errorf("a header of %d bytes is above the format's limit of %d", len(header)-8, maxHeader)
	}
	binary.LittleEndian.PutUint64(header, uint64(len(header)-8))
	return header, nil
}

func validate(t Tensor, seen map[string]bool) error {
	switch {
	case t.Name == metadataKey:
		return fmt.Errorf("the format reserves this name")
	case !utf8.ValidString(t.Name):
		return fmt.Errorf("the name is not valid UTF-8")
	case seen[t.Name]:
		return fmt.Errorf("the name appears twice")
	case rank(t.Type) < 0:
		return fmt.Errorf("safetensors has no type for %s", onnx.TypeName(t.Type))
	}
	seen[t.Name] = true
	want, err := sizeOf(t.Type, t.Shape)
	if err != nil {
		return err
	}
	if t.load == nil && int64(len(t.Data)) != want {
		return fmt.Errorf("%d bytes of data, but %s of shape %v has %d",
			len(t.Data), onnx.TypeName(t.Type), t.Shape, want)
	}
	return nil
}

// appendJSON appends v without a line feed and without HTML escapes, like other libraries. It cannot fail for strings,
// their maps and integers.
func appendJSON(b *bytes.Buffer, v any) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	enc.Encode(v)
	b.Truncate(b.Len() - 1)
}
