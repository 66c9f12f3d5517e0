package naming

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Visible returns a text for a line on a terminal or a page. Whatever would not be seen as a character is escaped as Go
// writes it: line ends (\n), escape sequences (\x1b), marks that turn the direction of text (\u202e) and bytes that are
// no UTF-8 (\xff).
func Visible(text string) string {
	if strings.IndexFunc(text, hidden) < 0 && utf8.ValidString(text) {
		return text
	}
	var out []byte
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		out = appendVisible(out, r, text[:size])
		text = text[size:]
	}
	return string(out)
}

// hidden reports whether a terminal shows something else than the character. The joiners of Persian and Indian scripts
// and of emoji are part of words.
func hidden(r rune) bool { return !strconv.IsGraphic(r) && r != '\u200c' && r != '\u200d' }

// appendVisible appends a character, which has these bytes, as Visible writes it.
func appendVisible(out []byte, r rune, bytes string) []byte {
	switch {
	case r == utf8.RuneError && len(bytes) == 1, hidden(r) && r < 0x80 && !strings.ContainsRune("\a\b\f\n\r\t\v", r):
		return fmt.Appendf(out, `\x%02x`, bytes[0])
	case hidden(r):
		quoted := strconv.QuoteRuneToASCII(r)
		return append(out, quoted[1:len(quoted)-1]...)
	}
	return append(out, bytes...)
}

// A VisibleWriter writes text to Out as [Visible] returns it, except for the ends of lines and tabs.
type VisibleWriter struct {
	Out io.Writer

	// CSV says that the text is a CSV file, in which an end of a line between quotation marks belongs to a cell.
	CSV bool

	pending []byte // the first bytes of a character
	quoted  bool
}

// Write writes whole characters and keeps the first bytes of one for the next call.
func (w *VisibleWriter) Write(p []byte) (int, error) {
	text := string(w.pending) + string(p)
	w.pending = w.pending[:0]
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		if !utf8.FullRuneInString(text) {
			w.pending = append(w.pending, text...)
			break
		}
		r, size := utf8.DecodeRuneInString(text)
		if r == '"' && w.CSV {
			w.quoted = !w.quoted
		}
		if r == '\t' || r == '\n' && !w.quoted {
			out = append(out, byte(r))
		} else {
			out = appendVisible(out, r, text[:size])
		}
		text = text[size:]
	}
	if _, err := w.Out.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes the bytes of a character that has not come whole.
func (w *VisibleWriter) Flush() error {
	_, err := io.WriteString(w.Out, Visible(string(w.pending)))
	w.pending = w.pending[:0]
	return err
}

// ErrorText returns the text of an error for a terminal as [Visible] does. Line ends stay between the errors that are
// joined or wrapped, and between the lines of an error that has a method Lines.
func ErrorText(err error) string {
	var inner []error
	switch e := err.(type) {
	case interface{ Lines() []string }:
		lines := e.Lines()
		for i, line := range lines {
			lines[i] = Visible(line)
		}
		return strings.Join(lines, "\n")
	case interface{ Unwrap() error }:
		inner = []error{e.Unwrap()}
	case interface{ Unwrap() []error }:
		inner = e.Unwrap()
	}
	var out strings.Builder
	text, first := err.Error(), true
	for _, e := range inner {
		if e == nil {
			continue
		}
		before, after, found := strings.Cut(text, e.Error())
		if !found {
			continue
		}
		out.WriteString(between(before, !first, true) + ErrorText(e))
		text, first = after, false
	}
	return out.String() + between(text, !first, false)
}

// between returns the text beside a wrapped error. White space that touches it, before or behind the text, is layout.
func between(text string, before, behind bool) string {
	start, end := 0, len(text)
	const space = " \n"
	if before {
		start = len(text) - len(strings.TrimLeft(text, space))
	}
	if behind {
		end = max(start, len(strings.TrimRight(text, space)))
	}
	return text[:start] + Visible(text[start:end]) + text[end:]
}
