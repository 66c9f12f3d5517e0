package naming

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

// TestVisible: nothing that moves the cursor, starts a line or turns text comes through; what people write does.
func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"Ödem, 正常 ☃": "Ödem, 正常 ☃", "می\u200cخواهم": "می\u200cخواهم", "e\u0301": "e\u0301",
		"a\nb": `a\nb`, "\x1b[31mred": `\x1b[31mred`, "a\rb\tc": `a\rb\tc`, "\x00\x7f": `\x00\x7f`, "\u009b31m": `\u009b31m`,
		"a\u202eb\u2066": `a\u202eb\u2066`, "\xff\xc3": `\xff\xc3`, "a\u2028b\ufeff": `a\u2028b\ufeff`, `C:\new`: `C:\new`,
		"\U000e0041": `\U000e0041`, "\ufffd": "\ufffd",
	} {
		if got := Visible(text); got != want {
			t.Errorf("Visible(%q) = %q, want %q", text, got, want)
		}
		for cut := range len(text) + 1 { // whatever a buffer cuts
			var out bytes.Buffer
			w := &VisibleWriter{Out: &out, CSV: true}
			fmt.Fprint(w, `"`+text[:cut])
			fmt.Fprint(w, text[cut:])
			w.Flush()
			if got := bytes.ReplaceAll(out.Bytes(), []byte("\t"), []byte(`\t`)); string(got) != `"`+want {
				t.Errorf("writing %q and %q gives %q, want %q", text[:cut], text[cut:], got, want)
			}
		}
	}
	var out bytes.Buffer
	fmt.Fprint(&VisibleWriter{Out: &out}, "\"a\tb\nc\"\r\n")
	if out.String() != "\"a\tb\nc\"\\r\n" {
		t.Errorf("lines become %q", out.String())
	}
}

type listed []string

func (l listed) Error() string   { return strings.Join(l, "\n") }
func (l listed) Lines() []string { return l }

// TestErrorText: line ends of names are escaped, those between errors stay.
func TestErrorText(t *testing.T) {
	path := &fs.PathError{Op: "open", Path: "a\nerror: b\x1b", Err: fs.ErrNotExist}
	for want, err := range map[string]error{
		`open a\nerror: b\x1b: file does not exist`:                             path,
		`m\nn: open a\nerror: b\x1b: file does not exist` + "\n" + `x\ny`:       errors.Join(fmt.Errorf("%s: %w", "m\nn", path), errors.New("x\ny")),
		"none:\n" + `  open a\nerror: b\x1b: file does not exist` + "\nmend it": fmt.Errorf("none:\n  %w\nmend it", path),
		"bad:\n" + `a\nb` + "\nc":                                               fmt.Errorf("bad:\n%w", listed{"a\nb", "c"}),
	} {
		if got := ErrorText(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
