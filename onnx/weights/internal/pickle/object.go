package pickle

import "fmt"

// global reads the names of a class or function.
func (m *machine) global(code uint64) (any, error) {
	if code == opGlobal {
		module, err := m.line()
		if err != nil {
			return nil, err
		}
		name, err := m.line()
		return &Global{module, name}, err
	}
	names, err := m.popN(2)
	if err != nil {
		return nil, err
	}
	module, ok1 := names[0].(Text)
	name, ok2 := names[1].(Text)
	if !ok1 || !ok2 || len(module) > maxName || len(name) > maxName {
		return nil, fmt.Errorf("a class's name is no text, or longer than %d bytes: the file is damaged", maxName)
	}
	return &Global{string(module), string(name)}, nil
}

// call returns the value of a class or function called with arguments. With keyword arguments it is always an Object:
// no class that matters has any.
func (m *machine) call(code uint64) (any, error) {
	operands := 2
	if code == opNewObjEx {
		operands = 3
	}
	in, err := m.popN(operands)
	if err != nil {
		return nil, err
	}
	class, ok := in[0].(*Global)
	args, isTuple := in[1].(Tuple)
	switch {
	case !isTuple:
		return nil, fmt.Errorf("a call's arguments are no tuple: the file is damaged")
	case !ok: // what a call returned is called
		return &Object{}, nil
	case code == opNewObjEx:
		return &Object{class}, nil
	}
	if v, ok := m.builtin(*class, args); ok {
		return v, nil
	}
	if m.hooks.Call != nil {
		v, ok, err := m.hooks.Call(*class, args)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", class.Module, class.Name, err)
		}
		if ok {
			return v, nil
		}
	}
	return &Object{class}, nil
}

// builtin returns the value of Python's own types that can hold others; ok is false for other classes.
func (m *machine) builtin(class Global, args Tuple) (any, bool) {
	switch class {
	case Global{"collections", "OrderedDict"}:
		return m.pairs(args)
	case Global{"collections", "defaultdict"}: // the argument makes defaults
		return &Dict{}, true
	case Global{"builtins", "tuple"}, Global{"__builtin__", "tuple"}:
		if len(args) == 1 {
			t, ok := args[0].(Tuple)
			return t, ok
		}
	case Global{"_codecs", "encode"}:
		if len(args) == 2 {
			text, ok := args[0].(Text)
			if ok && Is(args[1], "latin1") {
				return Latin1(text), true
			}
		}
	}
	return nil, false
}

// pairs returns an OrderedDict, to which Python 2 gives its items as a list of pairs. Several dicts may share the list,
// so copying it counts as work.
func (m *machine) pairs(args Tuple) (any, bool) {
	d := &Dict{}
	if len(args) == 0 {
		return d, true
	}
	list, ok := args[0].(*List)
	if !ok || len(args) != 1 {
		return nil, false
	}
	m.steps += len(list.Items)
	for _, item := range list.Items {
		pair, ok := item.(*List)
		if !ok || len(pair.Items) != 2 {
			return nil, false
		}
		d.set(pair.Items[0], pair.Items[1])
	}
	return d, true
}

// extend adds values to the list or dict below them. It ignores values for an object, whose class may be like a list or
// dict.
func (m *machine) extend(code uint64) error {
	var items Tuple
	var err error
	switch code {
	case opAppend:
		items, err = m.popN(1)
	case opSetItem:
		items, err = m.popN(2)
	default:
		items, err = m.popMark()
	}
	if err != nil {
		return err
	}
	to, err := m.top()
	if err != nil {
		return err
	}
	switch to := to.(type) {
	case *Object:
		return nil
	case *List:
		if code == opAppend || code == opAppends || code == opAddItems {
			to.Items = append(to.Items, items...)
			return nil
		}
	case *Dict:
		if (code == opSetItem || code == opSetItems) && len(items)%2 == 0 {
			for i := 0; i < len(items); i += 2 {
				to.set(items[i], items[i+1])
			}
			return nil
		}
	}
	return fmt.Errorf("items are added to what takes none: the file is damaged")
}

// build passes the topmost value the state above it.
func (m *machine) build() error {
	state, err := m.pop()
	if err != nil {
		return err
	}
	v, err := m.top()
	if err != nil {
		return err
	}
	switch v.(type) {
	case *Object, *Dict, *List: // attributes beside the content
		return nil
	}
	if m.hooks.Build == nil {
		return nil
	}
	return m.hooks.Build(v, state)
}
