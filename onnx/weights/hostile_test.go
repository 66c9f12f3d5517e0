package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// good returns a checkpoint of one tensor, m. The hostile ones each differ from it in one thing.
func good(t testing.TB) []byte {
	return checkpoint(t, program(dict(text("m"), floats("0", 4))), strings.Repeat("\x00", 16))
}

// patched replaces bytes of a good checkpoint, the last occurrence of old.
func patched(t testing.TB, old, new string) []byte {
	t.Helper()
	b := good(t)
	i := bytes.LastIndex(b, []byte(old))
	if i < 0 || len(old) != len(new) {
		t.Fatalf("%q is not in the file", old)
	}
	return append(append(bytes.Clone(b[:i]), new...), b[i+len(old):]...)
}

// directory returns the offset of the good checkpoint's directory entry for a name.
func directory(t testing.TB, b []byte, name string) int {
	t.Helper()
	i := bytes.LastIndex(b, []byte(name)) - 46
	if i < 0 || string(b[i:i+4]) != "PK\x01\x02" {
		t.Fatalf("no directory entry of %s", name)
	}
	return i
}

// edited changes a 32-bit field of a directory entry of the good checkpoint.
func edited(t testing.TB, name string, field int, value uint32) []byte {
	b := good(t)
	binary.LittleEndian.PutUint32(b[directory(t, b, name)+field:], value)
	return b
}

// Fields of a zip file's directory entry.
const (
	fieldCompressed = 20
	fieldSize       = 24
	fieldOffset     = 42
)

func compressed(t testing.TB) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("m/data.pkl")
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte(program(dict())))
	w.Close()
	return b.Bytes()
}

// doubling returns a value that holds the one before it ten times, and so on.
func doubling(levels int) string {
	var b strings.Builder
	b.WriteString("]q\x00")
	for i := range levels {
		b.WriteString("](")
		for range 10 {
			b.WriteString("h" + string(rune(i)))
		}
		b.WriteString("eq" + string(rune(i+1)))
	}
	return b.String()
}

// legacy returns a file of the older format.
func legacy(value, keys string, storages ...string) []byte {
	return []byte(program("\x8a\x0a"+string(magic)) + program(integer(1001)) +
		program(dict(text("little_endian"), "\x88")) + value + keys + strings.Join(storages, ""))
}

func legacyStorage(elements uint64, data string) string {
	return string(binary.LittleEndian.AppendUint64(nil, elements)) + data
}

type hostile struct {
	name    string
	content []byte
	want    string // in the error; "": it is read, and has no effect
}

func hostiles(t testing.TB) []hostile {
	data := strings.Repeat("\x00", 16)
	zipped := func(value string) []byte { return checkpoint(t, program(value), data) }
	one := func(s string) []byte { return zipped(dict(text("m"), s)) }
	view := func(offset int64, shape, strides []int64) []byte {
		return one(tensor(storageID("FloatStorage", "0", 4), offset, integers64(shape...), integers64(strides...)))
	}
	key := program("](" + text("0") + "e")
	value := program(dict(text("m"), floats("0", 4)))
	ndarray := func(shape, data string) []byte {
		return []byte(program(dict(text("m"), global("numpy.core.multiarray", "_reconstruct")+
			tuple(global("numpy", "ndarray"), integers64(0), text("b"))+"R"+tuple(integer(1), shape,
			global("numpy", "dtype")+tuple(text("f4"), "\x89", "\x88")+"R", "\x89", data)+"b")))
	}
	long := text(strings.Repeat("a", 1<<20)) + "q\x000" // of which no copies are made
	nested := strings.Repeat("](", 100) + "N" + strings.Repeat("e", 100)
	return []hostile{
		{"good", good(t), ""},
		{"good legacy", legacy(value, key, legacyStorage(4, data)), ""},
		{"good ndarray", ndarray(integers64(2), "U\x08abcdefgh"), ""},
		{"os.system beside a tensor",
			zipped(dict(text("x"), global("posix", "system")+tuple(text("touch ran"))+"R", text("m"), floats("0", 4))),
			""},
		{"eval is called by a call",
			zipped(dict(text("x"), global("builtins", "eval")+tuple(text("1"))+"R"+tuple(text("2"))+"R", text("m"),
				floats("0", 4))), ""},

		{"os.system", zipped(global("os", "system") + tuple(text("touch ran")) + "R"), "no tensor"},
		{"os.system for a tensor", one(global("torch._utils", "_rebuild_tensor_v2") +
			tuple(global("os", "system")+tuple(text("touch ran"))+"R", integer(0), integers64(4), integers64(1)) + "R"),
			"no tensor"},
		{"rebuild within rebuild", one(global("torch._tensor", "_rebuild_from_type_v2") +
			tuple(global("torch._tensor", "_rebuild_from_type_v2"), "N", tuple(), "N") + "R"), "no tensor"},
		{"rebuild of nothing", one(global("torch._utils", "_rebuild_tensor_v2") + ")R"), "0 arguments are too few"},
		{"reduce without a tuple", zipped(global("os", "system") + text("ls") + "R"), "no tuple"},
		{"items in a number", zipped("K\x01(K\x02e"), "added to what takes none"},
		{"odd number of items", zipped("}(K\x01u"), "added to what takes none"},
		{"empty stack", zipped("0"), "stack empty"},
		{"below a mark", zipped("K\x01(0"), "stack empty"},
		{"no mark", zipped("t"), "no mark"},
		{"no value", zipped(""), "stack empty"},
		{"no such memo", zipped("h\x07"), "its value 7"},
		{"unknown operation", zipped("\xff"), "operation 0xff"},
		{"extension registry", zipped("\x82\x01"), "operation 0x82"},
		{"text protocol", zipped("I1\n"), "operation 0x49"},
		{"protocol", checkpoint(t, "\x80\x09N."), "protocol 9"},
		{"huge text", zipped("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"), "truncated"},
		{"huge bytes", zipped("B\xff\xff\xff\x7f"), "truncated"},
		{"huge class name", zipped("c" + strings.Repeat("a", 5000)), "class has more than 256 bytes"},
		{"no end", checkpoint(t, "\x80\x02]", data), "truncated"},
		{"empty pickle", checkpoint(t, "", data), "truncated"},
		{"too many operations", zipped(strings.Repeat("N0", 1<<20)), "more than 1048576 operations"},
		{"codec bomb", zipped(long + strings.Repeat(global("_codecs", "encode")+text("a")+"h\x00\x86R0", 100) + "N"),
			"no tensor"},
		{"byte order bomb", zipped(long + strings.Repeat(global("numpy", "dtype")+")R"+"K\x01h\x00\x86b0", 100) + "N"),
			"no tensor"},
		{"memo bomb", zipped(doubling(20)), "more than 1048576 values"},
		{"dict in itself", zipped("}q\x00" + "(" + text("m") + "h\x00u"), "nested more than 32 deep"},
		{"deep nesting", zipped(nested), "nested more than 32 deep"},
		{"key is no UTF-8", zipped(dict(text("\xff"), floats("0", 4))), "no text"},
		{"two tensors of a name", zipped(dict(text("m"), floats("0", 4), text("m"), floats("0", 4))),
			`two tensors are called "m"`},

		{"offset outside", view(1, []int64{4}, []int64{1}), `its element 4 is outside storage "0", which has 4`},
		{"offset negative", view(-1, []int64{4}, []int64{1}), "none of a tensor"},
		{"stride outside", view(0, []int64{2, 2}, []int64{3, 1}), `element 4 is outside`},
		{"stride overflow", view(0, []int64{3, 2}, []int64{1 << 62, 1 << 62}), "is outside"},
		{"strides wrap around", view(0, []int64{5, 5}, []int64{1 << 62, 1}), "too large"},
		{"stride negative", view(3, []int64{4}, []int64{-1}), "none of a tensor"},
		{"shape negative", view(0, []int64{-4}, []int64{1}), "none of a tensor"},
		{"shape overflow", view(0, []int64{1 << 40, 1 << 40}, []int64{0, 0}), "too many elements"},
		{"huge repetition", view(0, []int64{1 << 40}, []int64{0}), "more bytes than the file"},
		{"strides missing", view(0, []int64{4}, nil), "none of a tensor"},
		{"65 dimensions", view(0, make([]int64, 65), make([]int64, 65)), "none of a tensor"},
		{"storage missing", one(floats("7", 4)), `storage "7" is not in the archive`},
		{"storage too short", one(floats("0", 5)), "16 bytes instead of 20"},
		{"storage size overflow", one(floats("0", 1<<62)), "is outside"},
		{"storage of two types",
			zipped(dict(text("a"), floats("0", 4), text("b"),
				tensor(storageID("LongStorage", "0", 2), 0, integers64(2), integers64(1)))), "two types"},
		{"storage key is a path", one(floats("../data.pkl", 4)), "is not in the archive"},
		{"storage reference", one(tuple(text("storage"), "N", text("0"), text("cpu"), "N") + "Q"), "malformed"},

		{"zip truncated", good(t)[:len(good(t))-30], "truncated"},
		{"zip without its end", good(t)[:200], "truncated"},
		{"zip entry compressed", compressed(t), "compressed"},
		{"zip entry longer than it is", edited(t, "m/data/0", fieldSize, 1000), "has 1000 bytes"},
		{"zip entry beyond the end", func() []byte {
			b := edited(t, "m/data/0", fieldSize, 1<<30)
			binary.LittleEndian.PutUint32(b[directory(t, b, "m/data/0")+fieldCompressed:], 1<<30)
			return b
		}(), "truncated, or damaged"},
		{"zip entry at the file's end", edited(t, "m/data/0", fieldOffset, 1<<30), "damaged"},
		{"zip entry at another", edited(t, "m/data/0", fieldOffset, 0), "overlap"},
		{"zip entry in the middle of one", edited(t, "m/data/0", fieldOffset, 7), "damaged"},
		{"zip entries of a name", archive(t, zipEntry{"m/data.pkl", value}, zipEntry{"m/data.pkl", value}),
			"two entries"},
		{"zip with two pickles", archive(t, zipEntry{"m/data.pkl", value}, zipEntry{"n/data.pkl", value}), "two files"},
		{"zip of something else", archive(t, zipEntry{"arr_0.npy", data}), "no data.pkl"},
		{"TorchScript", archive(t, zipEntry{"m/data.pkl", value}, zipEntry{"m/constants.pkl", ""}), "TorchScript"},
		{"big-endian", archive(t, zipEntry{"m/data.pkl", value}, zipEntry{"m/byteorder", "big"}),
			"little-endian machine"},
		{"crossed lengths", patched(t, "m/data/0", "m/data/x"), "damaged"},

		{"legacy version", []byte(program("\x8a\x0a"+string(magic)) + strings.Repeat(program("K\x01"), 4)),
			"version 1 "},
		{"legacy version of tuples", []byte(program("\x8a\x0a"+string(magic)) +
			program("K\x01"+strings.Repeat("2\x86", 20)) + strings.Repeat(program("N"), 3)), "no integer"},
		{"legacy truncated", legacy(value, key, legacyStorage(4, data[:8])), "truncated"},
		{"legacy without storages", legacy(value, key), "truncated"},
		{"legacy storage of another size", legacy(value, key, legacyStorage(3, data)), "3 elements instead of 4"},
		{"legacy storage left out", legacy(value, program("]")), "not in the file"},
		{"legacy storage twice", legacy(value, program("]("+text("0")+text("0")+"e"), legacyStorage(4, data),
			legacyStorage(4, data)), "appears twice"},
		{"legacy storage unused", legacy(value, program("]("+text("5")+"e"), legacyStorage(4, data)), "is not used"},
		{"legacy storage of 2**52 bytes", legacy(program(dict(text("m"), floats("0", 1<<50))), key,
			legacyStorage(1<<50, data)), "truncated"},
		{"legacy keys", legacy(value, program("N")), "no list"},

		{"storages without a file", []byte(program(dict(text("m"), floats("0", 4)))), "refers to data outside itself"},
		{"ndarray too short", ndarray(integers64(3), "U\x08abcdefgh"),
			"8 bytes of data, but float32 of shape [3] has 12"},
		{"ndarray overflow", ndarray(integers64(1<<62, 4), "U\x08abcdefgh"), "too many"},
		{"ndarray of objects", ndarray(integers64(2), "]"), "no bytes"},
		{"parts missing", []byte(program(dict(text(paddleNames), "}", text(paddleParts),
			dict(text("m"), dict(text("OriginShape"), integers64(2), text("slices"), "]("+text("m@@.0")+"e"))))),
			"there is no part"},
	}
}

// Hostile and broken files are refused with errors of their own, quickly and without memory. The functions that they
// name do not run.
func TestHostileFiles(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	var before, after runtime.MemStats
	for _, h := range hostiles(t) {
		path := filepath.Join(dir, "m.pth")
		if err := os.WriteFile(path, h.content, 0o644); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&before)
		f, err := Open(path)
		if err == nil {
			for _, x := range f.Tensors {
				if _, err = x.Bytes(); err != nil {
					break
				}
			}
			f.Close()
		}
		runtime.ReadMemStats(&after)
		switch {
		case h.want == "" && err != nil:
			t.Errorf("%s: %v", h.name, err)
		case h.want != "" && (err == nil || !strings.Contains(err.Error(), h.want)):
			t.Errorf("%s: error %v, want one with %q", h.name, err, h.want)
		case err != nil && len(err.Error()) > 1000:
			t.Errorf("%s: an error of %d bytes", h.name, len(err.Error()))
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
			t.Errorf("%s: %d MB were allocated", h.name, used>>20)
		}
	}
	if _, err := os.Stat("ran"); err == nil {
		t.Error("a pickle ran a program")
	}
}

// FuzzPickled feeds bytes to the readers of archives and pickles. Every file that they accept can be written as
// safetensors.
func FuzzPickled(f *testing.F) {
	for _, h := range hostiles(f) {
		if len(h.content) < 10000 {
			f.Add(h.content)
		}
	}
	for _, name := range []string{"odd_zip.pth", "odd_legacy.pth", "paddle_2.pdparams", "paddle_4.pdparams",
		"paddle_parts.pdparams"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		parse := parsePickle
		if bytes.HasPrefix(b, []byte("PK")) {
			parse = parseTorchZip
		}
		c, err := parse(b)
		if err != nil {
			return
		}
		for _, x := range c.tensors {
			data, err := x.Bytes()
			if err != nil {
				continue
			}
			if want, err := sizeOf(x.Type, x.Shape); err != nil || int64(len(data)) != want {
				t.Errorf("tensor %q of type %v and shape %v has %d bytes: %v", x.Name, x.Type, x.Shape, len(data), err)
			}
		}
	})
}
