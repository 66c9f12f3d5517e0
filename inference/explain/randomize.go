package explain

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// randomize shuffles the entries of the float32 initializers that have more than one axis of more than one entry, each
// by itself. Each keeps its mean and spread, so that activations keep their size; the draw depends on the name alone.
func randomize(g *pb.GraphProto) error {
	for i, t := range g.GetInitializer() {
		axes := 0
		for _, d := range t.GetDims() {
			if d > 1 {
				axes++
			}
		}
		if axes < 2 || pb.TensorProto_DataType(t.GetDataType()) != pb.TensorProto_FLOAT {
			continue
		}
		data, err := onnx.Data(t)
		if err != nil {
			return err
		}
		h := fnv.New64a()
		h.Write([]byte(t.GetName()))
		rng := rand.New(rand.NewPCG(h.Sum64(), 0))
		shuffled := append([]byte{}, data...) // the model file's memory is not ours
		rng.Shuffle(len(data)/4, func(i, j int) {
			a, b := binary.NativeEndian.Uint32(shuffled[4*i:]), binary.NativeEndian.Uint32(shuffled[4*j:])
			binary.NativeEndian.PutUint32(shuffled[4*i:], b)
			binary.NativeEndian.PutUint32(shuffled[4*j:], a)
		})
		if g.Initializer[i], err = onnx.NewTensor(t.GetName(), pb.TensorProto_FLOAT, t.GetDims(), shuffled); err != nil {
			return err
		}
	}
	return nil
}
