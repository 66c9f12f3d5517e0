package pickle

import "unicode/utf8"

// The values of a pickle are nil (None), bool, int64, float64 and these types.
type (
	// Text is a str, as UTF-8 that is not checked. It is the input's memory.
	Text []byte
	// Blob is a bytes, or a str of Python 2. It is the input's memory.
	Blob []byte
	// Latin1 is a bytes that protocol 2 writes as text, one character for each byte. It is the input's memory; Decode
	// returns the bytes.
	Latin1 []byte
	// Long is an integer that int64 cannot hold: two's complement, lowest byte first.
	Long []byte
	// Tuple is a tuple.
	Tuple []any
	// List is a list or a set.
	List struct{ Items []any }
	// Dict is a dict, an OrderedDict or a defaultdict. A key that was set twice is in it twice.
	Dict struct{ Keys, Values []any }
	// Global is the name of a class or a function, which is never loaded.
	Global struct{ Module, Name string }
	// Object stands for the result of a call that this package does not know. State is what the file sets it to.
	Object struct {
		Class *Global
		State any
	}
)

// String returns the content of a Text or of a Blob.
func String(v any) (s string, ok bool) {
	switch v := v.(type) {
	case Text:
		return string(v), true
	case Blob:
		return string(v), true
	}
	return "", false
}

// Is reports whether v is the Text or the Blob s. Unlike String it copies nothing: a short pickle can compare a long
// text often.
func Is(v any, s string) bool {
	switch v := v.(type) {
	case Text:
		return string(v) == s
	case Blob:
		return string(v) == s
	}
	return false
}

// Get returns the last value that was set under a key of text.
func (d *Dict) Get(key string) (value any, ok bool) {
	for i := len(d.Keys) - 1; i >= 0; i-- {
		if Is(d.Keys[i], key) {
			return d.Values[i], true
		}
	}
	return nil, false
}

func (d *Dict) set(key, value any) {
	d.Keys, d.Values = append(d.Keys, key), append(d.Values, value)
}

// Decode returns the n bytes that l encodes. ok is false if they are not n, or if a character does not fit a byte.
func (l Latin1) Decode(n int64) ([]byte, bool) {
	if n > int64(len(l)) || int64(len(l)) > 2*n {
		return nil, false
	}
	out := make([]byte, 0, n)
	for rest := []byte(l); len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r > 0xff || int64(len(out)) == n {
			return nil, false
		}
		out = append(out, byte(r))
		rest = rest[size:]
	}
	return out, int64(len(out)) == n
}
