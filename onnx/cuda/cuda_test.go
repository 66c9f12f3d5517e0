package cuda

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// On any machine there is a list of GPUs, or an error that callers can tell apart.
func TestDevices(t *testing.T) {
	list, err := Devices()
	t.Log(list, err)
	if err == nil {
		if len(list) == 0 {
			t.Error("no GPU, and no error")
		}
		return
	}
	if len(list) > 0 || !errors.Is(err, ErrNoDriver) && !errors.Is(err, ErrNoDevice) {
		t.Errorf("%v with the error %v", list, err)
	}
	if _, again := Open(0); again == nil || again.Error() != err.Error() {
		t.Errorf("opening fails with %v, listing with %v", again, err)
	}
}

func TestArguments(t *testing.T) {
	type inner struct {
		A uint8
		B float32
	}
	type outer struct {
		Address uintptr
		Inner   [2]inner
	}
	data, offsets, err := arguments([]any{int32(-1), outer{7, [2]inner{{1, 2}, {3, 4}}}, float64(1)})
	if err != nil {
		t.Fatal(err)
	}
	const two, four = 0x40000000 << 32, 0x40800000 << 32
	if want := []uint64{0xFFFFFFFF, 7, 1 | two, 3 | four, 0x3FF0000000000000}; !reflect.DeepEqual(data, want) {
		t.Errorf("the arguments are %x, want %x", data, want)
	}
	if len(offsets) != 3 || offsets[0] != 0 || offsets[1] != 8 || offsets[2] != 32 {
		t.Errorf("they begin at %v, want 0, 8, 32", offsets)
	}
	for _, a := range []any{nil, 1, true, "x", []int32{1}, &data, struct{}{}, struct{ N int }{}, map[int32]int32{}} {
		if _, _, err := arguments([]any{a}); err == nil || !strings.Contains(err.Error(), "argument 0") {
			t.Errorf("%T: the error is %v", a, err)
		}
	}
	if _, _, err := arguments(nil); err == nil {
		t.Error("no arguments are no error")
	}
}
