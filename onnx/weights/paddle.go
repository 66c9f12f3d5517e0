package weights

import (
	"fmt"
	"slices"

	"fovea/onnx"
	"fovea/onnx/pb"
	"fovea/onnx/weights/internal/pickle"
)

// Entries that paddle.save adds to a state dict.
const (
	paddleNames = "StructuredToParameterName@@" // key to parameter's name
	paddleParts = "UnpackBigParamInfor@@"       // key to the parts of a large array, protocols 2 and 3
)

// A joined array is in the file in several parts.
type joined struct {
	shape []int64
	parts []*ndarray
}

// paddleArray sets the true type of an array of PaddlePaddle. NumPy has no bfloat16, so such elements are saved as
// uint16, a type that PaddlePaddle's tensors never have.
func paddleArray(a *ndarray) *ndarray {
	if a.typ == pb.TensorProto_UINT16 {
		a.typ = pb.TensorProto_BFLOAT16
	}
	return a
}

// joinPaddle undoes the changes that paddle.save makes to a state dict: it joins arrays in parts and restores bfloat16.
func joinPaddle(value any) error {
	d, ok := value.(*pickle.Dict)
	if !ok {
		return nil
	}
	if _, ok := d.Get(paddleNames); !ok {
		return nil
	}
	for _, v := range d.Values {
		if a, ok := v.(*ndarray); ok {
			paddleArray(a)
		}
	}
	info, ok := d.Get(paddleParts)
	if !ok {
		return nil
	}
	arrays, ok := info.(*pickle.Dict)
	if !ok {
		return fmt.Errorf("%s is no dict: the file is damaged", paddleParts)
	}
	index := map[string]int{}
	for i, k := range d.Keys {
		if key, ok := k.(pickle.Text); ok && len(key) <= maxKeyName {
			index[string(key)] = i
		}
	}
	for i, entry := range arrays.Values {
		a, err := join(d, index, entry)
		if err != nil {
			key, _ := pickle.String(arrays.Keys[i])
			return fmt.Errorf("%s of %.64q: %w", paddleParts, key, err)
		}
		d.Keys, d.Values = append(d.Keys, arrays.Keys[i]), append(d.Values, a)
	}
	return nil
}

// join takes the parts of an array out of d.
func join(d *pickle.Dict, index map[string]int, entry any) (*joined, error) {
	e, ok := entry.(*pickle.Dict)
	if !ok || len(e.Keys) != 2 {
		return nil, fmt.Errorf("it is no dict of OriginShape and slices: the file is damaged")
	}
	shape, _ := e.Get("OriginShape")
	slices, _ := e.Get("slices")
	names, ok1 := slices.(*pickle.List)
	a := &joined{}
	var ok2 bool
	if a.shape, ok2 = integers(shape); !ok1 || !ok2 || len(names.Items) == 0 {
		return nil, fmt.Errorf("its OriginShape or slices are malformed: the file is damaged")
	}
	for _, item := range names.Items {
		name, _ := item.(pickle.Text)
		i, ok := index[string(name)]
		if !ok {
			return nil, fmt.Errorf("there is no part %.64q: the file is damaged", name)
		}
		part, ok := d.Values[i].(*ndarray)
		if !ok {
			return nil, fmt.Errorf("part %.64q is no array, or is used twice: the file is damaged", name)
		}
		d.Values[i] = nil
		a.parts = append(a.parts, part)
	}
	return a, nil
}

// tensor returns the joined parts as a Tensor. They are copied when its Bytes are asked for.
func (a *joined) tensor() (Tensor, error) {
	t := Tensor{Type: a.parts[0].typ, Shape: a.shape}
	size, err := onnx.DataSize(t.Type, t.Shape)
	if err != nil {
		return t, err
	}
	var parts []Tensor
	left := size
	for _, p := range a.parts {
		part, err := p.tensor()
		if err != nil {
			return t, err
		}
		bytes, err := onnx.DataSize(part.Type, part.Shape)
		if err != nil || part.Type != t.Type || bytes > left {
			return t, fmt.Errorf("its parts do not fit its shape %v: the file is damaged", t.Shape)
		}
		left -= bytes
		parts = append(parts, part)
	}
	if left != 0 {
		return t, fmt.Errorf("its parts do not fill its shape %v: the file is damaged", t.Shape)
	}
	t.load = func() ([]byte, error) {
		var all [][]byte
		for _, p := range parts {
			data, err := p.Bytes()
			if err != nil {
				return nil, err
			}
			all = append(all, data)
		}
		return slices.Concat(all...), nil
	}
	return t, nil
}
