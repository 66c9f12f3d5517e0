package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxSteps is the largest number of operations of a pickle. A RETFound checkpoint with Adam's state has 50,000.
const MaxSteps = 1 << 20

// Hooks let a caller handle types beyond Python's own. Each may be nil.
type Hooks struct {
	// Call returns the value of a class or function called with arguments. ok is false if it does not know the class.
	Call func(class Global, args Tuple) (value any, ok bool, err error)
	// Build sets the state that the file has for a value that Call made.
	Build func(value, state any)
	// Persistent returns the value outside the pickle that has an id.
	Persistent func(id any) (any, error)
}

// Decode reads the pickle at the start of b and returns its value and its length. Texts and bytes of the value are b's
// memory.
func Decode(b []byte, hooks Hooks) (value any, length int, err error) {
	m := machine{hooks: hooks, rest: b, memo: map[uint32]any{}}
	for ; m.steps < MaxSteps; m.steps++ {
		at := len(b) - len(m.rest)
		done, err := m.step()
		if err != nil {
			return nil, 0, fmt.Errorf("pickle: byte %d: %w", at, err)
		}
		if done {
			value, err := m.pop()
			if err != nil {
				return nil, 0, fmt.Errorf("pickle: byte %d: %w", at, err)
			}
			return value, len(b) - len(m.rest), nil
		}
	}
	return nil, 0, fmt.Errorf("pickle: more than %d operations: no checkpoint of a model needs as many", MaxSteps)
}

var (
	errEnd       = errors.New("the data ends inside the pickle: the file is truncated")
	errUnderflow = errors.New("an operation finds the stack empty: the file is damaged")
)

// A machine is the state between two operations.
type machine struct {
	hooks Hooks
	steps int
	rest  []byte
	stack []any
	marks []int // heights of the stack
	memo  map[uint32]any
}

// take returns the next n bytes.
func (m *machine) take(n uint64) ([]byte, error) {
	if n > uint64(len(m.rest)) {
		return nil, errEnd
	}
	b := m.rest[:n:n]
	m.rest = m.rest[n:]
	return b, nil
}

// number reads an unsigned integer of size bytes.
func (m *machine) number(size uint64) (uint64, error) {
	b, err := m.take(size)
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[:], b)
	return binary.LittleEndian.Uint64(wide[:]), nil
}

// counted reads an integer of size bytes and returns as many bytes behind it.
func (m *machine) counted(size uint64) ([]byte, error) {
	n, err := m.number(size)
	if err != nil {
		return nil, err
	}
	return m.take(n)
}

// line returns the bytes up to the next line feed, and skips that.
func (m *machine) line() (string, error) {
	for i, c := range m.rest {
		if c == '\n' {
			line := string(m.rest[:i])
			m.rest = m.rest[i+1:]
			return line, nil
		}
		if i == maxName {
			return "", fmt.Errorf("the name of a class has more than %d bytes", maxName)
		}
	}
	return "", errEnd
}

// maxName is the longest name of a module or a class.
const maxName = 1 << 8

func (m *machine) pop() (any, error) {
	top := len(m.stack) - 1
	if top < m.floor() {
		return nil, errUnderflow
	}
	v := m.stack[top]
	m.stack = m.stack[:top]
	return v, nil
}

// floor returns the height of the stack below which nothing may be popped.
func (m *machine) floor() int {
	if len(m.marks) == 0 {
		return 0
	}
	return m.marks[len(m.marks)-1]
}

// popN removes the n topmost values and returns them, lowest first, in memory of their own.
func (m *machine) popN(n int) (Tuple, error) {
	at := len(m.stack) - n
	if at < m.floor() {
		return nil, errUnderflow
	}
	out := append(make(Tuple, 0, n), m.stack[at:]...)
	m.stack = m.stack[:at]
	return out, nil
}

// popMark removes the values above the last mark and the mark, and returns the values.
func (m *machine) popMark() (Tuple, error) {
	if len(m.marks) == 0 {
		return nil, errors.New("an operation finds no mark on the stack: the file is damaged")
	}
	out, err := m.popN(len(m.stack) - m.floor())
	m.marks = m.marks[:len(m.marks)-1]
	return out, err
}

// top returns the topmost value, which stays on the stack.
func (m *machine) top() (any, error) {
	if len(m.stack) == m.floor() {
		return nil, errUnderflow
	}
	return m.stack[len(m.stack)-1], nil
}
