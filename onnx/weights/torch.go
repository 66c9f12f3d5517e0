package weights

import (
	"fmt"
	"slices"

	"fovea/onnx"
	"fovea/onnx/pb"
	"fovea/onnx/weights/internal/pickle"
)

// storageTypes maps the classes of PyTorch's typed storages to element types.
var storageTypes = map[string]pb.TensorProto_DataType{
	"FloatStorage": pb.TensorProto_FLOAT, "DoubleStorage": pb.TensorProto_DOUBLE, "HalfStorage": pb.TensorProto_FLOAT16,
	"BFloat16Storage": pb.TensorProto_BFLOAT16, "LongStorage": pb.TensorProto_INT64, "IntStorage": pb.TensorProto_INT32,
	"ShortStorage": pb.TensorProto_INT16, "CharStorage": pb.TensorProto_INT8, "ByteStorage": pb.TensorProto_UINT8,
	"BoolStorage": pb.TensorProto_BOOL, "ComplexFloatStorage": pb.TensorProto_COMPLEX64,
	"ComplexDoubleStorage": pb.TensorProto_COMPLEX128,
}

// torchTypes maps the names of PyTorch's element types that have no storage class to types.
var torchTypes = map[string]pb.TensorProto_DataType{
	"uint16": pb.TensorProto_UINT16, "uint32": pb.TensorProto_UINT32, "uint64": pb.TensorProto_UINT64,
	"float8_e4m3fn": pb.TensorProto_FLOAT8E4M3FN, "float8_e4m3fnuz": pb.TensorProto_FLOAT8E4M3FNUZ,
	"float8_e5m2": pb.TensorProto_FLOAT8E5M2, "float8_e5m2fnuz": pb.TensorProto_FLOAT8E5M2FNUZ,
	"float8_e8m0fnu": pb.TensorProto_FLOAT8E8M0,
}

// storages maps keys to the storages that a file's pickle refers to.
type storages map[string]*storage

// maxKey is the longest key of a storage. torch.save uses numbers.
const maxKey = 1 << 8

// persistent returns the storage, or the view of one, that an id refers to. The id is ("storage", class, key, device,
// elements), in the older format with a sixth value, None or (key of the view, offset, elements). For other ids it
// returns nil.
func (s storages) persistent(id any) (any, error) {
	t, _ := id.(pickle.Tuple)
	if len(t) < 5 {
		return nil, nil
	}
	if kind, ok := t[0].(pickle.Text); ok && string(kind) != "storage" {
		return nil, nil
	}
	class, ok1 := t[1].(*pickle.Global)
	text, ok2 := t[2].(pickle.Text)
	elements, ok3 := t[4].(int64)
	if !ok1 || !ok2 || !ok3 || len(text) > maxKey || elements < 0 {
		return nil, fmt.Errorf("a reference to a storage is malformed: the file is damaged")
	}
	if device, ok := t[3].(pickle.Text); ok && string(device) == "meta" { // without data
		return nil, nil
	}
	key := string(text)
	if have := s[key]; have != nil {
		if want := newStorage(class, key, elements); want.typ != have.typ || want.elements != have.elements {
			return nil, fmt.Errorf("storage %q has two types or two sizes: the file is damaged", key)
		}
	} else {
		s[key] = newStorage(class, key, elements)
	}
	if len(t) < 6 || t[5] == nil {
		return s[key], nil
	}
	part, _ := t[5].(pickle.Tuple)
	if len(part) != 3 {
		return nil, fmt.Errorf("a view of storage %q is malformed: the file is damaged", key)
	}
	offset, ok := part[1].(int64)
	if !ok || offset < 0 {
		return nil, fmt.Errorf("a view of storage %q is malformed: the file is damaged", key)
	}
	return &view{storage: s[key], offset: offset}, nil
}

func newStorage(class *pickle.Global, key string, elements int64) *storage {
	s := &storage{key: key, elements: elements, size: -1}
	if class.Module == "torch.storage" && class.Name == "UntypedStorage" {
		s.size = elements
	} else if class.Module == "torch" || class.Module == "torch.cuda" {
		s.typ = storageTypes[class.Name]
	}
	if size, err := onnx.DataSize(s.typ, []int64{elements}); err == nil {
		s.size = size
	}
	return s
}

// call returns the tensor that a call in a file of torch.save makes, of any version. ok is false for other calls.
func call(class pickle.Global, args pickle.Tuple) (any, bool, error) {
	if class.Module != "torch._utils" && class.Module != "torch._tensor" {
		return callNumPy(class, args)
	}
	switch class.Name {
	case "_rebuild_parameter", "_rebuild_parameter_with_state": // (tensor, …)
		if len(args) > 0 {
			return args[0], true, nil
		}
	case "_rebuild_from_type_v2": // (function, class, arguments, state)
		if len(args) == 4 {
			function, ok1 := args[0].(*pickle.Global)
			inner, ok2 := args[2].(pickle.Tuple)
			if ok1 && ok2 {
				return rebuild(function.Name, inner)
			}
		}
	}
	return rebuild(class.Name, args)
}

// rebuild makes a strided tensor. The function's arguments are (storage, offset, shape, strides), then in v2
// (requires_grad, hooks[, metadata]), in v3 (requires_grad, hooks, type[, metadata]).
func rebuild(function string, args pickle.Tuple) (any, bool, error) {
	version := slices.Index([]string{"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"}, function)
	if version < 0 {
		return nil, false, nil
	}
	if len(args) < 4 {
		return nil, false, fmt.Errorf("%d arguments are too few: the file is damaged", len(args))
	}
	v := &view{}
	switch s := args[0].(type) {
	case *storage:
		v.storage = s
	case *view:
		v.storage, v.offset = s.storage, s.offset
	default: // a storage without data
		return nil, false, nil
	}
	v.typ = v.storage.typ
	metadata := 6
	if version == 2 {
		metadata = 7
		v.typ = pb.TensorProto_UNDEFINED
		if len(args) > 6 {
			if d, ok := args[6].(*pickle.Global); ok && d.Module == "torch" {
				v.typ = torchTypes[d.Name]
			}
		}
	}
	if v.typ == pb.TensorProto_UNDEFINED || len(args) > metadata && changesValues(args[metadata]) {
		return nil, false, nil
	}
	offset, ok1 := args[1].(int64)
	shape, ok2 := integers(args[2])
	strides, ok3 := integers(args[3])
	v.offset += offset
	if !ok1 || !ok2 || !ok3 || offset < 0 || v.offset < 0 || len(shape) != len(strides) {
		return nil, false, fmt.Errorf("the offset, shape %v and strides %v are none of a tensor: the file is damaged",
			shape, strides)
	}
	v.shape, v.strides = shape, strides
	return v, true, nil
}

// changesValues reports whether a tensor's metadata may say that its values differ from its storage's: conjugate or
// negative.
func changesValues(metadata any) bool {
	if metadata == nil {
		return false
	}
	d, ok := metadata.(*pickle.Dict)
	return !ok || len(d.Values) > 8 || slices.Contains(d.Values, any(true))
}
