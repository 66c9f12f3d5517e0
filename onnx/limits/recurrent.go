package limits

import (
	"fmt"

	"fovea/onnx/pb"
)

// gates maps the recurrent operators to the number of their gates.
var gates = map[string]float64{"LSTM": 4, "GRU": 3, "RNN": 1}

// checkRecurrent refuses weights of other sizes than the input and the hidden size say: the runtime packs them before
// it looks.
func checkRecurrent(n *pb.NodeProto, in []*value) error {
	count := gates[n.GetOpType()]
	if count == 0 || len(in) < 3 {
		return nil
	}
	hidden := float64(attributes(n).int("hidden_size", 0))
	directions := 1.0
	if string(attributes(n).find("direction").GetS()) == "bidirectional" {
		directions = 2
	}
	x, w, r := in[0].dims, in[1].dims, in[2].dims
	if w != nil && (len(w) != 3 || w[0] != directions || w[1] != count*hidden || len(x) == 3 && w[2] != x[2]) {
		return fmt.Errorf("its weight has the shape %s, but its hidden size is %g and its input %s",
			shapeText(w), hidden, shapeText(x))
	}
	if r != nil && (len(r) != 3 || r[0] != directions || r[1] != count*hidden || r[2] != hidden) {
		return fmt.Errorf("its recurrence weight has the shape %s, but its hidden size is %g", shapeText(r), hidden)
	}
	return nil
}
