package weights

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"fovea/onnx/weights/internal/pickle"
)

// magic is the integer at the start of torch.save's older format.
var magic = pickle.Long{0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19}

// parsePickle decodes a file that begins with a pickle: of the older torch.save, or of arrays of NumPy, as PaddlePaddle
// saves them.
func parsePickle(b []byte) (contents, error) {
	value, n, err := pickle.Decode(b, pickle.Hooks{Call: callNumPy, Build: buildNumPy})
	if err != nil {
		return contents{}, err
	}
	if number, ok := value.(pickle.Long); ok && bytes.Equal(number, magic) {
		return parseTorchLegacy(b, n)
	}
	if err := joinPaddle(value); err != nil {
		return contents{}, err
	}
	return flatten(value, int64(len(b)))
}

// parseTorchLegacy decodes a file of torch.save before PyTorch 1.6, or with _use_new_zipfile_serialization=False.
// Behind the magic number are four pickles (version, system, value, keys of storages), then for each key the number of
// its elements and the elements.
func parseTorchLegacy(b []byte, at int) (contents, error) {
	found := storages{}
	var values [4]any
	for i := range values {
		v, n, err := pickle.Decode(b[at:], pickle.Hooks{Call: call, Build: buildNumPy, Persistent: found.persistent})
		if err != nil {
			return contents{}, fmt.Errorf("at byte %d: %w", at, err)
		}
		values[i] = v
		at += n
	}
	if version, ok := values[0].(int64); !ok { // not printed: tuples that hold each other are long
		return contents{}, fmt.Errorf("the version of torch.save's format is no integer: the file is damaged")
	} else if version != 1001 {
		return contents{}, fmt.Errorf("version %d of torch.save's format is not known, 1001 is", version)
	}
	if system, ok := values[1].(*pickle.Dict); ok {
		if little, ok := system.Get("little_endian"); ok && little != true {
			return contents{}, fmt.Errorf("its numbers are in big-endian order: save it on a little-endian machine")
		}
	}
	keys, ok := values[3].(*pickle.List)
	if !ok {
		return contents{}, fmt.Errorf("the list of storages is no list: the file is damaged")
	}
	for _, item := range keys.Items {
		key, _ := item.(pickle.Text)
		var s *storage
		if len(key) <= maxKey {
			s = found[string(key)]
		}
		if s == nil || s.data != nil || s.size < 0 {
			return contents{}, fmt.Errorf("storage %.*q is not used, appears twice, or is of a type that is not read",
				maxKey, key)
		}
		if len(b)-at < 8 || s.size > int64(len(b)-at-8) {
			return contents{}, fmt.Errorf("storage %q of %d bytes begins at byte %d of %d: the file is truncated",
				key, s.size, at, len(b))
		}
		if n := binary.LittleEndian.Uint64(b[at:]); n != uint64(s.elements) {
			return contents{}, fmt.Errorf("storage %q has %d elements instead of %d: the file is damaged",
				key, n, s.elements)
		}
		at += 8
		s.data = b[at : at+int(s.size) : at+int(s.size)]
		at += int(s.size)
	}
	for key, s := range found {
		if s.data == nil {
			return contents{}, fmt.Errorf("storage %q is not in the file: it is damaged", key)
		}
	}
	return flatten(values[2], int64(len(b)))
}
