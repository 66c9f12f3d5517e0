package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
)

// An operation carries out an opcode.
type operation func(m *machine) error

const opStop = '.' // STOP, the last opcode

// operations holds what each opcode does, by the names of Python's pickle.py, and nil for one that is unknown.
var operations = [256]operation{
	0x80: (*machine).protocol,               // PROTO
	0x95: discard(unsigned(8)),              // FRAME only says how much to read at once
	'(':  (*machine).mark,                   // MARK
	'0':  discard((*machine).pop),           // POP
	'1':  discard((*machine).popMark),       // POP_MARK
	'2':  push((*machine).top),              // DUP
	'b':  (*machine).build,                  // BUILD
	'N':  push(constant(nil)),               // NONE
	0x88: push(constant(true)),              // NEWTRUE
	0x89: push(constant(false)),             // NEWFALSE
	'J':  push(signed),                      // BININT
	'K':  push(unsigned(1)),                 // BININT1
	'M':  push(unsigned(2)),                 // BININT2
	0x8a: push(long(1)),                     // LONG1
	0x8b: push(long(4)),                     // LONG4
	'G':  push(float),                       // BINFLOAT
	0x8c: push(counted[Text](1)),            // SHORT_BINUNICODE
	'X':  push(counted[Text](4)),            // BINUNICODE
	0x8d: push(counted[Text](8)),            // BINUNICODE8
	'C':  push(counted[Blob](1)),            // SHORT_BINBYTES
	'U':  push(counted[Blob](1)),            // SHORT_BINSTRING
	'B':  push(counted[Blob](4)),            // BINBYTES
	'T':  push(counted[Blob](4)),            // BINSTRING
	0x8e: push(counted[Blob](8)),            // BINBYTES8
	0x96: push(counted[Blob](8)),            // BYTEARRAY8
	')':  push(popN(0)),                     // EMPTY_TUPLE
	0x85: push(popN(1)),                     // TUPLE1
	0x86: push(popN(2)),                     // TUPLE2
	0x87: push(popN(3)),                     // TUPLE3
	't':  push((*machine).popMark),          // TUPLE
	']':  push(list(popN(0))),               // EMPTY_LIST
	0x8f: push(list(popN(0))),               // EMPTY_SET
	0x91: push(list((*machine).popMark)),    // FROZENSET
	'}':  push(dict),                        // EMPTY_DICT
	'a':  extend(popN(1), false),            // APPEND
	'e':  extend((*machine).popMark, false), // APPENDS
	0x90: extend((*machine).popMark, false), // ADDITEMS
	's':  extend(popN(2), true),             // SETITEM
	'u':  extend((*machine).popMark, true),  // SETITEMS
	'c':  push((*machine).global),           // GLOBAL
	0x93: push((*machine).stackGlobal),      // STACK_GLOBAL
	'R':  push((*machine).call),             // REDUCE
	0x81: push((*machine).call),             // NEWOBJ
	0x92: push((*machine).callKeywords),     // NEWOBJ_EX
	'Q':  push((*machine).persistent),       // BINPERSID
	'q':  remember(unsigned(1)),             // BINPUT
	'r':  remember(unsigned(4)),             // LONG_BINPUT
	0x94: remember((*machine).memoSize),     // MEMOIZE
	'h':  push(recall(1)),                   // BINGET
	'j':  push(recall(4)),                   // LONG_BINGET
}

// step carries out one operation. done is true after the last.
func (m *machine) step() (done bool, err error) {
	code, err := m.number(1)
	if err != nil {
		return false, err
	}
	if code == opStop {
		return true, nil
	}
	operation := operations[code]
	if operation == nil {
		return false, fmt.Errorf("operation 0x%02x is unknown: the file is damaged, or of protocol 0 or 1", code)
	}
	return false, operation(m)
}

// push returns the operation that pushes what value returns.
func push[T any](value func(*machine) (T, error)) operation {
	return func(m *machine) error {
		v, err := value(m)
		if err == nil {
			m.stack = append(m.stack, v)
		}
		return err
	}
}

// discard returns the operation that reads or pops a value and does nothing with it.
func discard[T any](value func(*machine) (T, error)) operation {
	return func(m *machine) error {
		_, err := value(m)
		return err
	}
}

func (m *machine) protocol() error {
	version, err := m.number(1)
	if err == nil && (version < 2 || version > 5) {
		err = fmt.Errorf("protocol %d is not one of 2 to 5", version)
	}
	return err
}

func (m *machine) mark() error {
	m.marks = append(m.marks, len(m.stack))
	return nil
}

func constant(v any) func(*machine) (any, error) {
	return func(*machine) (any, error) { return v, nil }
}

// unsigned reads an integer of size bytes.
func unsigned(size uint64) func(*machine) (int64, error) {
	return func(m *machine) (int64, error) {
		n, err := m.number(size)
		return int64(n), err
	}
}

func signed(m *machine) (int64, error) {
	n, err := m.number(4)
	return int64(int32(n)), err
}

// long reads a two's complement integer of any length, lowest byte first, behind its length in size bytes.
func long(size uint64) func(*machine) (any, error) {
	return func(m *machine) (any, error) {
		b, err := m.counted(size)
		if len(b) > 8 {
			return Long(b), err
		}
		var wide [8]byte
		if len(b) > 0 && b[len(b)-1] >= 0x80 {
			wide = [8]byte{255, 255, 255, 255, 255, 255, 255, 255}
		}
		copy(wide[:], b)
		return int64(binary.LittleEndian.Uint64(wide[:])), err
	}
}

func float(m *machine) (float64, error) {
	b, err := m.take(8)
	if err != nil {
		return 0, err
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
}

// counted reads bytes behind their number in size bytes.
func counted[T Text | Blob](size uint64) func(*machine) (T, error) {
	return func(m *machine) (T, error) {
		b, err := m.counted(size)
		return T(b), err
	}
}

func popN(n int) func(*machine) (Tuple, error) {
	return func(m *machine) (Tuple, error) { return m.popN(n) }
}

func list(items func(*machine) (Tuple, error)) func(*machine) (*List, error) {
	return func(m *machine) (*List, error) {
		t, err := items(m)
		return &List{t}, err
	}
}

func dict(*machine) (*Dict, error) { return &Dict{}, nil }

func (m *machine) persistent() (any, error) {
	id, err := m.pop()
	if err == nil && m.hooks.Persistent == nil {
		err = fmt.Errorf("it refers to data outside itself, but there is none")
	}
	if err != nil {
		return nil, err
	}
	return m.hooks.Persistent(id)
}

// remember returns the operation that stores the topmost value under an index.
func remember(index func(*machine) (int64, error)) operation {
	return func(m *machine) error {
		v, err := m.top()
		if err != nil {
			return err
		}
		i, err := index(m)
		if err == nil {
			m.memo[uint32(i)] = v
		}
		return err
	}
}

func (m *machine) memoSize() (int64, error) { return int64(len(m.memo)), nil }

// recall returns the value under the index in the next size bytes.
func recall(size uint64) func(*machine) (any, error) {
	return func(m *machine) (any, error) {
		index, err := m.number(size)
		if err != nil {
			return nil, err
		}
		v, ok := m.memo[uint32(index)]
		if !ok {
			return nil, fmt.Errorf("it refers to its value %d, which does not exist yet: the file is damaged", index)
		}
		return v, nil
	}
}
