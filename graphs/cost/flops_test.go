package cost

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"fovea/graphs"
)

// TestFlopCounterMode compares with PyTorch's counter: tools/oracle/inspect_models.py.
func TestFlopCounterMode(t *testing.T) {
	text, err := os.ReadFile("testdata/flops.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Op, Domain string
		Attributes map[string]any
		Inputs     [][]int64
		Output     []int64
		FLOPs      int64
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		n := node(c.Op, c.Output, c.Inputs...)
		n.Domain = c.Domain
		for name, x := range c.Attributes {
			if number, ok := x.(float64); ok {
				x = int64(number)
			}
			n.Attributes[name] = x
		}
		if got, known := MultiplyAdds(n); !known || 2*got != c.FLOPs {
			t.Errorf("case %d: %s has %d FLOPs, known %v; PyTorch counts %d", i, n, 2*got, known, c.FLOPs)
		}
	}
}

func node(op string, output []int64, inputs ...[]int64) *graphs.Node {
	n := &graphs.Node{Op: op, Attributes: graphs.Attributes{},
		Outputs: []*graphs.Value{{Type: graphs.Float32, Shape: output}}}
	for i, shape := range inputs {
		n.Inputs = append(n.Inputs, &graphs.Value{Name: fmt.Sprint(i), Type: graphs.Float32, Shape: shape})
	}
	return n
}

// TestUnknown: what cannot be counted is not counted as nothing.
func TestUnknown(t *testing.T) {
	otherDomain := node("Conv", []int64{2}, []int64{2})
	otherDomain.Domain = "custom"
	three := node("Einsum", []int64{2, 2}, []int64{2, 2}, []int64{2, 2}, []int64{2, 2})
	three.Attributes["equation"] = "ij,jk,kl->il"
	for _, n := range []*graphs.Node{otherDomain, three} {
		if count, known := MultiplyAdds(n); known {
			t.Errorf("%s is said to have %d multiply-adds", n, count)
		}
	}
}
