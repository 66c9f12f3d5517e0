package textfile

import (
	"fmt"
	"io/fs"

	"fovea/internal/regular"
)

// Limits on a TOML file, which its parser does not have.
const (
	maxTOML      = 1 << 20 // bytes
	maxTOMLDepth = 32      // of arrays, tables and dots of a key in one another
	maxTOMLKeys  = 1 << 12 // keys, sections and arrays
)

// ReadTOML reads a TOML file as UTF-8 and refuses one that its parser would need much time or memory for.
func ReadTOML(path string) ([]byte, error) {
	file, err := regular.ReadFile(path, maxTOML)
	if err != nil {
		return nil, err
	}
	doc, err := Decode(file)
	if err == nil {
		err = checkTOML(doc)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return doc, nil
}

// checkTOML returns an error if a document nests too deep or sets too many keys. What is in quotes or comments does not
// count.
func checkTOML(doc []byte) error {
	line, depth, dots, keys := 1, 0, 0, 0
	for i := 0; i < len(doc); i++ {
		switch c := doc[i]; c {
		case '"', '\'':
			end := skipString(doc[i:])
			for _, d := range doc[i : i+end] {
				if d == '\n' {
					line++
				}
			}
			i += end - 1
		case '#':
			for i+1 < len(doc) && doc[i+1] != '\n' {
				i++
			}
		case '\n':
			line++
			dots = 0
		case '=':
			keys++
			dots = 0
		case ',':
			dots = 0
		case '.':
			dots++
		case '[', '{':
			if depth == 0 { // a section, or a value
				keys++
			}
			depth++
		case ']', '}':
			depth--
		}
		switch {
		case depth+dots > maxTOMLDepth:
			return fmt.Errorf("line %d: more than %d levels in one another: no setting needs that", line, maxTOMLDepth)
		case keys > maxTOMLKeys:
			return fmt.Errorf("line %d: more than %d keys and sections: no settings need that", line, maxTOMLKeys)
		}
	}
	return nil
}

// skipString returns the length of the string that begins at the quote doc[0], up to the end of the line or of the
// document if it is not closed.
func skipString(doc []byte) int {
	quote := doc[0]
	long := len(doc) > 2 && doc[1] == quote && doc[2] == quote
	i := 1
	if long {
		i = 3
	}
	for ; i < len(doc); i++ {
		switch {
		case doc[i] == '\\' && quote == '"':
			i++
		case doc[i] == '\n' && !long:
			return i
		case doc[i] == quote && !long:
			return i + 1
		case long && i+2 < len(doc) && doc[i] == quote && doc[i+1] == quote && doc[i+2] == quote:
			return i + 3
		}
	}
	return len(doc)
}
