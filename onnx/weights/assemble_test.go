package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
)

// program returns a pickle of the pieces between its first and last operation.
func program(pieces ...string) string { return "\x80\x02" + strings.Join(pieces, "") + "." }

func text(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}

func integer(n int64) string {
	return "\x8a\x08" + string(binary.LittleEndian.AppendUint64(nil, uint64(n)))
}

func global(module, name string) string { return "c" + module + "\n" + name + "\n" }

func tuple(items ...string) string { return "(" + strings.Join(items, "") + "t" }

func integers64(n ...int64) string {
	var items []string
	for _, x := range n {
		items = append(items, integer(x))
	}
	return tuple(items...)
}

// dict returns the operations of a dict of keys and values in turn.
func dict(items ...string) string { return "}(" + strings.Join(items, "") + "u" }

func storageID(class, key string, elements int64) string {
	return tuple(text("storage"), global("torch", class), text(key), text("cpu"), integer(elements)) + "Q"
}

// tensor returns the operations of a call of _rebuild_tensor_v2.
func tensor(storage string, offset int64, shape, strides string) string {
	return global("torch._utils", "_rebuild_tensor_v2") +
		tuple(storage, integer(offset), shape, strides, "\x89", global("collections", "OrderedDict")+")R") + "R"
}

// floats returns the operations of a contiguous vector of n float32 in a storage.
func floats(key string, n int64) string {
	return tensor(storageID("FloatStorage", key, n), 0, integers64(n), integers64(1))
}

// A zipEntry is a file in an archive.
type zipEntry struct{ name, content string }

// archive returns a zip file of stored entries as torch.save writes it.
func archive(t testing.TB, entries ...zipEntry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		f, err := w.CreateRaw(&zip.FileHeader{Name: e.name, Method: zip.Store,
			CRC32:            crc32.ChecksumIEEE([]byte(e.content)),
			CompressedSize64: uint64(len(e.content)), UncompressedSize64: uint64(len(e.content))})
		if err == nil {
			_, err = f.Write([]byte(e.content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// checkpoint returns an archive of a pickle and of storages 0, 1 and so on.
func checkpoint(t testing.TB, program string, storages ...string) []byte {
	t.Helper()
	entries := []zipEntry{{"m/data.pkl", program}, {"m/byteorder", "little"}}
	for i, s := range storages {
		entries = append(entries, zipEntry{fmt.Sprintf("m/data/%d", i), s})
	}
	return archive(t, append(entries, zipEntry{"m/version", "3\n"})...)
}
