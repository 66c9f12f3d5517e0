package disjoint_test

import (
	"reflect"
	"testing"

	"fovea/internal/disjoint"
)

func TestSets(t *testing.T) {
	s := disjoint.New(7)
	for _, pair := range [][2]int{{5, 1}, {3, 3}, {6, 5}, {4, 2}, {1, 6}} {
		s.Join(pair[0], pair[1])
	}
	if want := [][]int{{0}, {1, 5, 6}, {2, 4}, {3}}; !reflect.DeepEqual(s.All(), want) {
		t.Errorf("%v, want %v", s.All(), want)
	}
	if first := s.First(6); first != 1 {
		t.Errorf("the set of 6 begins with %d, want 1", first)
	}
}
