package pickle

import (
	"reflect"
	"strings"
	"testing"
)

// Pickles of CPython 3.11 and their values. Bytes in protocol 2 are what encoding their characters as Latin-1 gives.
func TestDecode(t *testing.T) {
	text := func(s string) Text { return Text(s) }
	for _, test := range []struct {
		pickle string
		want   any
	}{
		// pickle.dumps((None, True, False, 7, -1, 300, 70000, 2.5), 2)
		{"\x80\x02(N\x88\x89K\x07J\xff\xff\xff\xffM,\x01Jp\x11\x01\x00G@\x04\x00\x00\x00\x00\x00\x00tq\x00.",
			Tuple{nil, true, false, int64(7), int64(-1), int64(300), int64(70000), 2.5}},
		// pickle.dumps([1 << 40, -(1 << 40), 1 << 63, 0], 2)
		{"\x80\x02]q\x00(\x8a\x06\x00\x00\x00\x00\x00\x01\x8a\x06\x00\x00\x00\x00\x00\xff" +
			"\x8a\t\x00\x00\x00\x00\x00\x00\x00\x80\x00K\x00e.",
			&List{[]any{int64(1 << 40), int64(-1 << 40), Long("\x00\x00\x00\x00\x00\x00\x00\x80\x00"), int64(0)}}},
		// pickle.dumps({"a": ("x", b"y"), 1: {2}}, 4)
		{"\x80\x04\x95\x1b\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94\x8c\x01x\x94C\x01y\x94\x86\x94K\x01\x8f\x94(K\x02\x90u.",
			&Dict{[]any{text("a"), int64(1)}, []any{Tuple{text("x"), Blob("y")}, &List{[]any{int64(2)}}}}},
		// pickle.dumps(b"\xe9", 2)
		{"\x80\x02c_codecs\nencode\nq\x00X\x02\x00\x00\x00\xc3\xa9q\x01X\x06\x00\x00\x00latin1q\x02\x86q\x03Rq\x04.",
			Latin1("\xc3\xa9")},
		// pickle.dumps(collections.OrderedDict([("a", 1)]), 2), of Python 2.7: a list of pairs
		{"\x80\x02ccollections\nOrderedDict\nq\x00]q\x01]q\x02(U\x01aq\x03K\x01ea\x85q\x04Rq\x05.",
			&Dict{[]any{Blob("a")}, []any{int64(1)}}},
		// pickle.dumps(argparse.Namespace(a=1), 2)
		{"\x80\x02cargparse\nNamespace\nq\x00)\x81q\x01}q\x02X\x01\x00\x00\x00aq\x03K\x01sb.",
			&Object{&Global{"argparse", "Namespace"}, &Dict{[]any{text("a")}, []any{int64(1)}}}},
	} {
		got, n, err := Decode([]byte(test.pickle+"and more"), Hooks{})
		if err != nil || n != len(test.pickle) || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q: %#v, %d bytes, %v, want %#v", test.pickle, got, n, err, test.want)
		}
	}
}

func TestLatin1(t *testing.T) {
	for _, test := range []struct {
		in, want string
		n        int64
		ok       bool
	}{
		{"aÿ\x00", "a\xff\x00", 3, true},
		{"", "", 0, true},
		{"aÿ", "", 1, false},
		{"aÿ", "", 3, false},
		{"Ā", "", 1, false},
		{"\xff", "", 1, false},
		{"ÿ", "", 1 << 60, false},
	} {
		if got, ok := Latin1(test.in).Decode(test.n); ok != test.ok || ok && string(got) != test.want {
			t.Errorf("%q is %q, %v", test.in, got, ok)
		}
	}
}

// If many dicts are made of one list, it is not copied beyond the limit.
func TestDecodeCountsCopies(t *testing.T) {
	pair := "](K\x01K\x01e"
	bomb := "\x80\x02](" + strings.Repeat(pair, 1000) + "eq\x00" +
		strings.Repeat("ccollections\nOrderedDict\nh\x00\x85R", 2000) + "."
	if _, _, err := Decode([]byte(bomb), Hooks{}); err == nil || !strings.Contains(err.Error(), "operations") {
		t.Errorf("error %v", err)
	}
}

// FuzzDecode feeds bytes to the machine, which may fail only with an error.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"\x80\x02}.", "\x80\x02](K\x01K\x02et.", "\x80\x04\x8c\x01a\x8c\x01b\x93)R}b.",
		"\x80\x02cA\nB\n)\x81}X\x01\x00\x00\x00aK\x01sb.", "\x80\x02(K\x01K\x02t2\x860]q\x00h\x00a."} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, n, err := Decode(b, Hooks{}); err == nil && (n < 1 || n > len(b)) {
			t.Errorf("%d bytes of %d", n, len(b))
		}
	})
}
