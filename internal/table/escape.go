package table

import (
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// commands are the first characters of a cell that make a spreadsheet run it as a formula, as OWASP lists them
// ("CSV Injection"). The last four are the full-width forms that Excel takes for the first four in Asian locales.
const commands = "=+-@\t\r\n＝＋－＠"

var plain atomic.Bool

// WritePlain says whether [Escape] leaves formulas as they are for the rest of the process. It still escapes what
// [Unescape] would change.
func WritePlain(on bool) { plain.Store(on) }

// Escape returns a text for a cell of a CSV file. If a spreadsheet would run the text as a formula, an apostrophe stands
// before it. So that a reader can take it off again, one more stands before a text that begins with an apostrophe and
// either such a character or a second apostrophe. Other texts come as they are. Cells with numbers must not be escaped:
// -1.5 is no formula.
func Escape(text string) string {
	if escapes(text) && (text[0] == '\'' || !plain.Load()) {
		return "'" + text
	}
	return text
}

// Unescape returns the text that [Escape] was given. Of a cell that somebody else wrote it takes off an apostrophe only
// if Escape could have set it: 'abc stays.
func Unescape(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "'"); ok && escapes(rest) {
		return rest
	}
	return cell
}

// escapes reports whether a text begins with a command, or with an apostrophe that could be taken for an escape.
func escapes(text string) bool {
	rest, apostrophe := strings.CutPrefix(text, "'")
	first, _ := utf8.DecodeRuneInString(rest)
	return rest != "" && (strings.ContainsRune(commands, first) && first != utf8.RuneError || apostrophe && first == '\'')
}

// unescaped is a source without escapes.
type unescaped struct{ source }

func (u unescaped) read() ([]string, error) {
	row, err := u.source.read()
	for i, cell := range row {
		row[i] = Unescape(cell)
	}
	return row, err
}
