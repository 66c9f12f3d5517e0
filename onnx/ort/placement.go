package ort

// #include "bridge.h"
import "C"

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"google.golang.org/protobuf/proto"

	"fovea/onnx/pb"
)

// Placed tells which execution provider runs a node.
type Placed struct {
	Node     string // the model's name, which may be empty
	Op       string // with its domain, unless that is ONNX's
	Provider string // such as "CUDAExecutionProvider"
}

const recordPlacement = "session.record_ep_graph_assignment_info"

// Placement lists where the runtime put the model's nodes. The session must have been made with
// session.record_ep_graph_assignment_info=1 in Config. Nodes that optimisation fuses or removes later are listed as
// they were when the providers claimed them.
func (s *Session) Placement() ([]Placed, error) {
	if s.session == nil {
		return nil, errors.New("reading the placement: the session is closed")
	}
	var graphs **C.OrtEpAssignedSubgraph
	var count C.size_t
	if err := failure(C.fovea_subgraphs(s.native(), &graphs, &count)); err != nil {
		return nil, fmt.Errorf("reading the placement: %w (is Config[%q] \"1\"?)", err, recordPlacement)
	}
	var placed []Placed
	for _, graph := range unsafe.Slice(graphs, int(count)) {
		var provider *C.char
		var nodes **C.OrtEpAssignedNode
		var n C.size_t
		if err := failure(C.fovea_nodes(graph, &provider, &nodes, &n)); err != nil {
			return nil, fmt.Errorf("reading the placement: %w", err)
		}
		for _, node := range unsafe.Slice(nodes, int(n)) {
			var name, domain, op *C.char
			if err := failure(C.fovea_node(node, &name, &domain, &op)); err != nil {
				return nil, fmt.Errorf("reading the placement: %w", err)
			}
			placed = append(placed, Placed{
				Node: C.GoString(name), Op: qualified(C.GoString(domain), C.GoString(op)),
				Provider: C.GoString(provider),
			})
		}
	}
	return placed, nil
}

func qualified(domain, op string) string {
	if domain == "" || domain == "ai.onnx" {
		return op
	}
	return domain + "." + op
}

// CheckPlacement makes a CUDA session of a model and returns an error that names every node that the CUDA provider does
// not run, and every copy between host and device that the runtime inserted inside the graph. It is an error too if the
// runtime does not admit the model to CUDA graphs. Nothing is run, so the stand-in CUDA libraries of tools/cudastub are
// enough. The library in use must be a GPU build.
func CheckPlacement(model []byte) error {
	dir, err := os.MkdirTemp("", "fovea-placement-*")
	if err != nil {
		return fmt.Errorf("checking the placement: %w", err)
	}
	defer os.RemoveAll(dir)
	final := filepath.Join(dir, "final.onnx")
	s, err := NewSession(model, Options{
		Provider:  "cuda",
		Config:    map[string]string{recordPlacement: "1"},
		optimized: final,
	})
	if err != nil {
		return fmt.Errorf("checking the placement: %w", err)
	}
	defer s.Close()
	placed, err := s.Placement()
	if err != nil {
		return fmt.Errorf("checking the placement: %w", err)
	}
	var wrong []string
	for _, p := range placed {
		if p.Provider != "CUDAExecutionProvider" {
			wrong = append(wrong, fmt.Sprintf("%s %q is on %s", p.Op, p.Node, p.Provider))
		}
	}
	copies, err := copyNodes(final)
	if err != nil {
		return fmt.Errorf("checking the placement: %w", err)
	}
	if wrong = append(wrong, copies...); len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("checking the placement: not wholly on CUDA: %s", joinNames(slices.Compact(wrong)))
	}
	// The runtime may add something that the list does not show: let it judge for itself.
	strict, err := NewSession(model, Options{
		Provider:        "cuda",
		Config:          map[string]string{"session.disable_cpu_ep_fallback": "1"},
		ProviderOptions: map[string]string{"enable_cuda_graph": "1"},
	})
	if err != nil {
		return fmt.Errorf("checking the placement: without fallback to the CPU, as a CUDA graph: %w", err)
	}
	return strict.Close()
}

// copyNodes returns a description of each copy between host and device in a model that the runtime has optimised and
// saved.
func copyNodes(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var m pb.ModelProto
	if err := proto.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("reading the optimised model: %w", err)
	}
	var found []string
	for _, node := range m.GetGraph().GetNode() {
		if strings.HasPrefix(node.GetOpType(), "Memcpy") {
			value := cmp.Or(strings.Join(node.GetInput(), " "), "?")
			found = append(found, fmt.Sprintf("%s copies %q", node.GetOpType(), value))
		}
	}
	return found, nil
}
