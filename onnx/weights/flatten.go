package weights

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"fovea/onnx"
	"fovea/onnx/pb"
	"fovea/onnx/weights/internal/pickle"
)

// Limits on the values of a pickle, far above those of a model's checkpoint.
const (
	maxNesting  = 32       // of dicts, lists and tuples
	maxKeyName  = 1 << 12  // bytes of a key
	maxAllNames = 64 << 20 // bytes of the names of all tensors
	maxValues   = 1 << 12  // numbers and texts that are no tensors, beyond which they are left out
	maxValue    = 1 << 12  // bytes of such a text
)

// contents has the tensors of a file.
type contents struct {
	tensors  []Tensor
	metadata map[string]string
	values   map[string]string // of a pickle, see File.Values
}

// flatten returns the tensors in the dicts, lists and tuples of a pickle's value. A tensor of more bytes than the file
// only repeats some, and is refused.
func flatten(value any, fileSize int64) (contents, error) {
	f := flattener{fileSize: fileSize, out: contents{values: map[string]string{}}}
	if err := f.walk(value); err != nil {
		return contents{}, err
	}
	if len(f.out.tensors) == 0 {
		return contents{}, fmt.Errorf("there is no tensor in the dicts and lists of this pickle: " +
			"load the model in Python and save its state_dict()")
	}
	return f.out, nil
}

type flattener struct {
	out      contents
	fileSize int64
	path     []string // keys that lead to what is visited
	steps    int
	names    int // bytes
}

func (f *flattener) walk(v any) error {
	if f.steps++; f.steps > pickle.MaxSteps {
		return fmt.Errorf("its dicts and lists hold each other so often that there are more than %d values",
			pickle.MaxSteps)
	}
	var tensor func() (Tensor, error)
	switch v := v.(type) {
	case *view:
		if v.shape == nil { // a part of a storage
			return nil
		}
		tensor = v.tensor
	case *ndarray:
		if v.typ == pb.TensorProto_UNDEFINED {
			return nil
		}
		tensor = v.tensor
	case *joined:
		tensor = v.tensor
	case *pickle.Object:
		state, ok := v.State.(*pickle.Dict)
		switch {
		case !ok:
			return nil
		case isNamespace(v.Class):
			return f.walk(state)
		}
		// A whole module: its tensors have the names that its state_dict would give them.
		for _, part := range []string{"_parameters", "_buffers", "_modules"} {
			if tensors, ok := state.Get(part); ok {
				if d, ok := tensors.(*pickle.Dict); ok {
					if err := f.walk(d); err != nil {
						return err
					}
				}
			}
		}
		return nil
	case *pickle.Dict:
		for i, value := range v.Values {
			if err := f.enter(v.Keys[i], value); err != nil {
				return err
			}
		}
		return nil
	case *pickle.List:
		return f.items(v.Items)
	case pickle.Tuple:
		// paddle.save writes a parameter in a nested dict as (name, array).
		if len(v) == 2 {
			_, named := v[0].(pickle.Text)
			if a, ok := v[1].(*ndarray); ok && named {
				return f.walk(paddleArray(a))
			}
		}
		return f.items(v)
	default:
		return nil
	}
	t, err := tensor()
	if err == nil {
		err = f.add(t)
	}
	if err != nil {
		return fmt.Errorf("tensor %.200q: %w", strings.Join(f.path, "."), err)
	}
	return nil
}

func (f *flattener) items(items []any) error {
	for i, v := range items {
		if err := f.enter(int64(i), v); err != nil {
			return err
		}
	}
	return nil
}

// enter walks through a value under its key, unless it can hold no tensor.
func (f *flattener) enter(key, value any) error {
	switch value.(type) {
	case *view, *ndarray, *joined, *pickle.Object, *pickle.Dict, *pickle.List, pickle.Tuple:
	default:
		f.steps++
		return f.note(key, value)
	}
	if len(f.path) == maxNesting {
		return fmt.Errorf("its dicts and lists are nested more than %d deep", maxNesting)
	}
	name, err := keyName(key)
	if err != nil {
		return err
	}
	f.path = append(f.path, name)
	err = f.walk(value)
	f.path = f.path[:len(f.path)-1]
	return err
}

// isNamespace reports whether objects of a class only hold names with values, as a program's arguments do.
func isNamespace(class *pickle.Global) bool {
	return class != nil && (*class == pickle.Global{Module: "argparse", Name: "Namespace"} ||
		*class == pickle.Global{Module: "types", Name: "SimpleNamespace"})
}

// note keeps a number or a text, if it is short.
func (f *flattener) note(key, value any) error {
	text, known := "", true
	switch v := value.(type) {
	case int64:
		text = strconv.FormatInt(v, 10)
	case float64:
		text = strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		text = strconv.FormatBool(v)
	case pickle.Text:
		if known = len(v) <= maxValue && utf8.Valid(v); known {
			text = string(v)
		}
	default:
		known = false
	}
	if !known || len(f.out.values) == maxValues {
		return nil
	}
	name, err := keyName(key)
	if err != nil {
		return err
	}
	name = strings.Join(append(f.path, name), ".")
	if f.names += len(name) + len(text); f.names > maxAllNames {
		return fmt.Errorf("the names of its tensors and values have more than %d bytes", maxAllNames)
	}
	f.out.values[name] = text
	return nil
}

// keyName returns a dict's key as a part of a tensor's name. For keys that are neither text nor integers it returns
// their type.
func keyName(key any) (string, error) {
	switch k := key.(type) {
	case int64:
		return strconv.FormatInt(k, 10), nil
	case pickle.Text:
		if len(k) > maxKeyName || !utf8.Valid(k) {
			return "", fmt.Errorf("a key is longer than %d bytes, or no text: the file is damaged", maxKeyName)
		}
		return string(k), nil
	case pickle.Blob:
		return keyName(pickle.Text(k))
	}
	return fmt.Sprintf("%T", key), nil
}

func (f *flattener) add(t Tensor) error {
	size, err := onnx.DataSize(t.Type, t.Shape)
	if err != nil {
		return err
	}
	if size > f.fileSize {
		return fmt.Errorf("%s of shape %v has more bytes than the file, %d",
			onnx.TypeName(t.Type), t.Shape, f.fileSize)
	}
	t.Name = strings.Join(f.path, ".")
	if f.names += len(t.Name); f.names > maxAllNames {
		return fmt.Errorf("the names of its tensors have more than %d bytes", maxAllNames)
	}
	f.out.tensors = append(f.out.tensors, t)
	return nil
}
