package weights

import (
	"archive/zip"
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"fovea/internal/zipfile"
	"fovea/onnx/weights/internal/pickle"
)

// maxDirectory is the largest number of bytes that are read to list an archive.
const maxDirectory = 64 << 20

// parseTorchZip decodes a file of torch.save since PyTorch 1.6: a zip archive whose entries are stored uncompressed.
// Their checksums are not compared, because PyTorch may leave them out.
func parseTorchZip(b []byte) (contents, error) {
	entries, err := listArchive(b)
	if err != nil {
		return contents{}, fmt.Errorf("zip archive: %w", err)
	}
	var root string
	var program []byte
	for name, data := range entries {
		if folder, ok := strings.CutSuffix(name, "/data.pkl"); ok && !strings.Contains(folder, "/") {
			if program != nil {
				return contents{}, fmt.Errorf("zip archive: two files are called data.pkl")
			}
			root, program = folder+"/", data
		}
	}
	switch _, script := entries[root+"constants.pkl"]; {
	case program == nil:
		return contents{}, fmt.Errorf("this zip archive has no data.pkl: torch.save did not write it")
	case script:
		return contents{}, fmt.Errorf("this is a TorchScript model, which is not read: " +
			"load it in Python and save its state_dict() with torch.save")
	}
	if order, ok := entries[root+"byteorder"]; ok && string(order) != "little" {
		return contents{}, fmt.Errorf("its numbers are in %q byte order: save it on a little-endian machine", order)
	}
	found := storages{}
	value, _, err := pickle.Decode(program, pickle.Hooks{Call: call, Build: buildNumPy, Persistent: found.persistent})
	if err != nil {
		return contents{}, fmt.Errorf("data.pkl: %w", err)
	}
	for key, s := range found {
		data, ok := entries[root+"data/"+key]
		switch {
		case !ok:
			return contents{}, fmt.Errorf("storage %q is not in the archive: the file is damaged", key)
		case s.size >= 0 && s.size != int64(len(data)):
			return contents{}, fmt.Errorf("storage %q has %d bytes instead of %d: the file is damaged",
				key, len(data), s.size)
		}
		s.data = data
	}
	return flatten(value, int64(len(b)))
}

// listArchive returns the content of each entry, in b's memory.
func listArchive(b []byte) (map[string][]byte, error) {
	archive, err := zipfile.NewReader(bytes.NewReader(b), int64(len(b)), maxDirectory)
	if err != nil {
		return nil, fmt.Errorf("%w: the file is truncated, or damaged", err)
	}
	entries := make(map[string][]byte, len(archive.File))
	type span struct {
		name       string
		begin, end uint64
	}
	spans := make([]span, 0, len(archive.File))
	for _, f := range archive.File {
		offset, err := f.DataOffset()
		begin, size := uint64(offset), f.UncompressedSize64
		switch _, twice := entries[f.Name]; {
		case err != nil:
			return nil, fmt.Errorf("entry %q: %w: the file is damaged", f.Name, err)
		case twice:
			return nil, fmt.Errorf("two entries are called %q", f.Name)
		case f.Method != zip.Store || f.Flags&1 != 0:
			return nil, fmt.Errorf("entry %q is compressed or encrypted, which torch.save does not do: "+
				"load the file in Python and save it again", f.Name)
		case f.CompressedSize64 != size || begin > uint64(len(b)) || size > uint64(len(b))-begin:
			return nil, fmt.Errorf("entry %q has %d bytes at %d of %d: the file is truncated, or damaged",
				f.Name, size, begin, len(b))
		}
		entries[f.Name] = b[begin : begin+size : begin+size]
		spans = append(spans, span{f.Name, begin, begin + size})
	}
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	for i := 1; i < len(spans); i++ {
		if spans[i].begin < spans[i-1].end {
			return nil, fmt.Errorf("entries %q and %q overlap: the file is damaged", spans[i-1].name, spans[i].name)
		}
	}
	return entries, nil
}
