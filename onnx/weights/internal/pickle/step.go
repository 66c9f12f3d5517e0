package pickle

import "fmt"

// Opcodes, by the names of Python's pickle.py.
const (
	opMark            = '('
	opStop            = '.'
	opPop             = '0'
	opPopMark         = '1'
	opDup             = '2'
	opBinBytes        = 'B'
	opShortBinBytes   = 'C'
	opBinFloat        = 'G'
	opBinInt          = 'J'
	opBinInt1         = 'K'
	opBinInt2         = 'M'
	opNone            = 'N'
	opBinPersID       = 'Q'
	opReduce          = 'R'
	opBinString       = 'T'
	opShortBinString  = 'U'
	opBinUnicode      = 'X'
	opEmptyList       = ']'
	opAppend          = 'a'
	opBuild           = 'b'
	opGlobal          = 'c'
	opAppends         = 'e'
	opBinGet          = 'h'
	opLongBinGet      = 'j'
	opBinPut          = 'q'
	opLongBinPut      = 'r'
	opSetItem         = 's'
	opTuple           = 't'
	opSetItems        = 'u'
	opEmptyDict       = '}'
	opEmptyTuple      = ')'
	opProto           = 0x80
	opNewObj          = 0x81
	opTuple1          = 0x85
	opTuple2          = 0x86
	opTuple3          = 0x87
	opNewTrue         = 0x88
	opNewFalse        = 0x89
	opLong1           = 0x8a
	opLong4           = 0x8b
	opShortBinUnicode = 0x8c
	opBinUnicode8     = 0x8d
	opBinBytes8       = 0x8e
	opEmptySet        = 0x8f
	opAddItems        = 0x90
	opFrozenSet       = 0x91
	opNewObjEx        = 0x92
	opStackGlobal     = 0x93
	opMemoize         = 0x94
	opFrame           = 0x95
	opByteArray8      = 0x96
)

// step carries out one operation. done is true after the last.
func (m *machine) step() (done bool, err error) {
	code, err := m.number(1)
	if err != nil {
		return false, err
	}
	switch code {
	case opStop:
		return true, nil
	case opProto:
		version, err := m.number(1)
		if err == nil && (version < 2 || version > 5) {
			err = fmt.Errorf("protocol %d is not one of 2 to 5", version)
		}
		return false, err
	case opFrame: // only says how much to read at once
		_, err = m.number(8)
		return false, err
	case opMark:
		m.marks = append(m.marks, len(m.stack))
		return false, nil
	case opPop:
		_, err = m.pop()
		return false, err
	case opPopMark:
		_, err = m.popMark()
		return false, err
	case opAppend, opAppends, opAddItems, opSetItem, opSetItems:
		return false, m.extend(code)
	case opBuild:
		return false, m.build()
	case opBinPut, opLongBinPut, opMemoize:
		return false, m.remember(code)
	}
	v, err := m.value(code)
	if err == nil {
		m.push(v)
	}
	return false, err
}

// value returns the value that an operation pushes.
func (m *machine) value(code uint64) (any, error) {
	switch code {
	case opNone:
		return nil, nil
	case opNewTrue:
		return true, nil
	case opNewFalse:
		return false, nil
	case opBinInt:
		n, err := m.number(4)
		return int64(int32(n)), err
	case opBinInt1:
		n, err := m.number(1)
		return int64(n), err
	case opBinInt2:
		n, err := m.number(2)
		return int64(n), err
	case opLong1:
		b, err := m.counted(1)
		return long(b), err
	case opLong4:
		b, err := m.counted(4)
		return long(b), err
	case opBinFloat:
		b, err := m.take(8)
		if err != nil {
			return nil, err
		}
		return float(b), nil
	case opShortBinUnicode:
		b, err := m.counted(1)
		return Text(b), err
	case opBinUnicode:
		b, err := m.counted(4)
		return Text(b), err
	case opBinUnicode8:
		b, err := m.counted(8)
		return Text(b), err
	case opShortBinBytes, opShortBinString:
		b, err := m.counted(1)
		return Blob(b), err
	case opBinBytes, opBinString:
		b, err := m.counted(4)
		return Blob(b), err
	case opBinBytes8, opByteArray8:
		b, err := m.counted(8)
		return Blob(b), err
	case opEmptyTuple:
		return Tuple{}, nil
	case opTuple1, opTuple2, opTuple3:
		return m.popN(int(code - opTuple1 + 1))
	case opTuple:
		return m.popMark()
	case opEmptyList, opEmptySet:
		return &List{}, nil
	case opFrozenSet:
		items, err := m.popMark()
		return &List{items}, err
	case opEmptyDict:
		return &Dict{}, nil
	case opDup:
		return m.top()
	case opBinGet:
		return m.recall(1)
	case opLongBinGet:
		return m.recall(4)
	case opGlobal, opStackGlobal:
		return m.global(code)
	case opReduce, opNewObj, opNewObjEx:
		return m.call(code)
	case opBinPersID:
		id, err := m.pop()
		if err == nil && m.hooks.Persistent == nil {
			err = fmt.Errorf("it refers to data outside itself, but there is none")
		}
		if err != nil {
			return nil, err
		}
		return m.hooks.Persistent(id)
	}
	return nil, fmt.Errorf("operation 0x%02x is unknown: "+
		"the file is damaged, or of protocol 0 or 1", code)
}

// remember stores the topmost value under an index.
func (m *machine) remember(code uint64) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	index := uint64(len(m.memo))
	switch code {
	case opBinPut:
		index, err = m.number(1)
	case opLongBinPut:
		index, err = m.number(4)
	}
	if err == nil {
		m.memo[uint32(index)] = v
	}
	return err
}

// recall returns the value under the index in the next size bytes.
func (m *machine) recall(size uint64) (any, error) {
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
