// Package textfile reads texts that people and their programs write: in UTF-8 or UTF-16, with or without a byte order
// mark, and with any line ends.
package textfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// NewReader returns the text of r in UTF-8, without its byte order mark. UTF-16 is known by its mark, or by a zero byte
// among the first two. Other bytes come as they are: a path may hold any.
func NewReader(r io.Reader) io.Reader {
	in := bufio.NewReader(r)
	var fallback transform.Transformer = transform.Nop
	if head, err := in.Peek(2); err == nil {
		switch {
		case head[0] != 0 && head[1] == 0:
			fallback = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder()
		case head[0] == 0 && head[1] != 0:
			fallback = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder()
		}
	}
	return transform.NewReader(in, unicode.BOMOverride(fallback))
}

// Decode returns what [NewReader] reads from b.
func Decode(b []byte) ([]byte, error) { return io.ReadAll(NewReader(bytes.NewReader(b))) }

// Lines returns the lines of a text that are not empty, without their ends. It is an error if they take more than most
// bytes of memory, 32 for each line among them.
func Lines(r io.Reader, most int) ([]string, error) {
	var out []string
	lines := bufio.NewScanner(LineEnds(NewReader(r), 0))
	for lines.Scan() { // it cuts CR LF off
		line := lines.Text()
		if line == "" {
			continue
		}
		out = append(out, line)
		if most -= len(line) + 32; most < 0 {
			return nil, fmt.Errorf("the text has more than %d lines or is too large: use a part of it", len(out)-1)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, fmt.Errorf("a line has more than %d bytes: this is no list of names", bufio.MaxScanTokenSize)
	}
	return out, lines.Err()
}

// headSize limits the search for a first line end or a header, in bytes.
const headSize = 1 << 18

// LineEnds returns r with LF in the place of each CR, if the first line ends in a CR alone, as those of old Mac programs
// do. What stands between two quote characters is left as it is; 0 stands for none.
func LineEnds(r io.Reader, quote byte) *bufio.Reader {
	in := bufio.NewReaderSize(r, headSize)
	head, _ := in.Peek(headSize)
	quoted := false
	for i, c := range head {
		switch {
		case c == quote && quote != 0:
			quoted = !quoted
		case quoted || c != '\r' && c != '\n':
		case c == '\r' && (i+1 == len(head) || head[i+1] != '\n'):
			return bufio.NewReaderSize(&oldEnds{r: in, quote: quote}, headSize)
		default:
			return in
		}
	}
	return in
}

type oldEnds struct {
	r      io.Reader
	quote  byte
	quoted bool
	before byte
}

func (e *oldEnds) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	kept := p[:0]
	for _, c := range p[:n] {
		out := c
		switch {
		case c == e.quote && e.quote != 0:
			e.quoted = !e.quoted
		case c == '\r' && !e.quoted:
			out = '\n'
		}
		if c != '\n' || e.before != '\r' || e.quoted { // CR LF is one end
			kept = append(kept, out)
		}
		e.before = c
	}
	return len(kept), err
}

// HeadSize is how many bytes of a file [NotData] needs.
const HeadSize = 512

// NotData returns an error if the first bytes of a file are those of a web page or of a Git LFS pointer. Downloads
// leave these under the name of the file that was wanted.
func NotData(head []byte) error {
	head, _ = Decode(head[:min(len(head), HeadSize)])
	head = bytes.ToLower(bytes.TrimSpace(head))
	for _, tag := range []string{"<!doctype", "<html", "<head", "<body", "<script", "<?xml", "<error"} {
		if bytes.HasPrefix(head, []byte(tag)) {
			return fmt.Errorf("this is a web page, which a server sent in the place of the file: download it again, " +
				"in a browser if the site wants a login or a click")
		}
	}
	if bytes.HasPrefix(head, []byte("version https://git-lfs.")) {
		return fmt.Errorf("this is a pointer of Git LFS, not the file: run \"git lfs pull\" in its repository, " +
			"or download the file itself")
	}
	return nil
}
