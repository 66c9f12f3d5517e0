package pickle

import "fmt"

// global reads the names of a class or function, each on a line.
func (m *machine) global() (*Global, error) {
	module, err := m.line()
	if err != nil {
		return nil, err
	}
	name, err := m.line()
	return &Global{module, name}, err
}

// stackGlobal pops the names of a class or function.
func (m *machine) stackGlobal() (*Global, error) {
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

// call returns the value of a class or function called with arguments.
func (m *machine) call() (any, error) { return m.callWith(2) }

// callKeywords is call with keyword arguments. It always returns an Object: no class that matters has any.
func (m *machine) callKeywords() (any, error) { return m.callWith(3) }

func (m *machine) callWith(operands int) (any, error) {
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
	case operands > 2:
		return &Object{Class: class}, nil
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
	return &Object{Class: class}, nil
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

// extend returns the operation that adds items to the list below them, or keys and values in turn to the dict. It ignores
// items for an object, whose class may be like a list or dict.
func extend(items func(*machine) (Tuple, error), pairs bool) operation {
	return func(m *machine) error {
		items, err := items(m)
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
			if !pairs {
				to.Items = append(to.Items, items...)
				return nil
			}
		case *Dict:
			if pairs && len(items)%2 == 0 {
				for i := 0; i < len(items); i += 2 {
					to.set(items[i], items[i+1])
				}
				return nil
			}
		}
		return fmt.Errorf("items are added to what takes none: the file is damaged")
	}
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
	switch v := v.(type) {
	case *Object:
		v.State = state
		return nil
	case *Dict, *List: // attributes beside the content
		return nil
	}
	if m.hooks.Build != nil {
		m.hooks.Build(v, state)
	}
	return nil
}
