package naming

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on a message, in characters and lines.
const (
	maxText  = 300 // of a word, or of a text in quotes: both come from what was read
	maxLine  = 1200
	maxLines = 50
)

// Shorten returns a message without the middle of each word, each text in quotes and each line that is very long, and
// without the lines behind the fiftieth. It says how much it leaves out.
func Shorten(message string) string {
	if len(message) <= maxText {
		return message
	}
	lines := strings.SplitAfterN(message, "\n", maxLines+1)
	for i, line := range lines[:min(len(lines), maxLines)] {
		text, ended := strings.CutSuffix(line, "\n")
		if lines[i] = cutMiddle(shortenTexts(text), maxLine); ended {
			lines[i] += "\n"
		}
	}
	if len(lines) > maxLines {
		lines[maxLines] = fmt.Sprintf("… and %d lines more", 1+strings.Count(strings.TrimRight(lines[maxLines], "\n"), "\n"))
	}
	return strings.Join(lines, "")
}

// shortenTexts cuts the words and the texts in quotes of a line.
func shortenTexts(line string) string {
	if len(line) <= maxText {
		return line
	}
	var out strings.Builder
	for line != "" {
		n := textLength(line)
		out.WriteString(cutMiddle(line[:n], maxText))
		line = line[n:]
	}
	return out.String()
}

// textLength returns the length of what begins a line: a text in quotes, a word up to the next space or quote, or
// spaces.
func textLength(line string) int {
	first, size := utf8.DecodeRuneInString(line)
	if first == '"' {
		for i := 1; i < len(line); i++ {
			switch line[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
		return size
	}
	space := unicode.IsSpace(first)
	if n := strings.IndexFunc(line[size:], func(r rune) bool { return r == '"' || unicode.IsSpace(r) != space }); n >= 0 {
		return size + n
	}
	return len(line)
}

// cutMiddle returns a text of about most characters.
func cutMiddle(text string, most int) string {
	if len(text) <= most {
		return text
	}
	count := utf8.RuneCountInString(text)
	if count <= most {
		return text
	}
	head, tail := most*6/10, most*3/10
	return text[:offset(text, head)] + fmt.Sprintf("… (%d characters left out) …", count-head-tail) +
		text[offset(text, count-tail):]
}

// offset returns where the character number n of a text begins.
func offset(text string, n int) int {
	for i := range text {
		if n == 0 {
			return i
		}
		n--
	}
	return len(text)
}
