package cuda

import (
	"errors"
	"reflect"
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

// TestFixed: a kernel's argument is made of what Go and C lay out alike.
func TestFixed(t *testing.T) {
	type inner struct {
		A uint8
		B float32
	}
	type outer struct {
		Address uintptr
		Inner   [2]inner
	}
	if !fixed(reflect.TypeOf(outer{})) {
		t.Error("a struct of numbers is refused")
	}
	for _, a := range []any{nil, 1, true, "x", []int32{1}, new(int32), struct{}{}, struct{ N int }{}, map[int32]int32{}} {
		if fixed(reflect.TypeOf(a)) {
			t.Errorf("%T is accepted", a)
		}
	}
}
