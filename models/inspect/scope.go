package inspect

import (
	"regexp"
	"strings"

	"fovea/onnx/pb"
)

// scopesOf returns the scopes of nodes, by the names of the nodes and of their results. PyTorch's newer exporter writes
// them into the metadata of a node, as a list of quoted parts from the outermost on, with the operator last. The older
// exporter writes them as the node's name, /blocks/blocks.0/Add.
func scopesOf(nodes []*pb.NodeProto) map[string][]string {
	out := map[string][]string{}
	for _, n := range nodes {
		scope := scopeOfName(n.GetName())
		for _, p := range n.GetMetadataProps() {
			if p.GetKey() != "pkg.torch.onnx.name_scopes" {
				continue
			}
			scope = nil
			for _, part := range quoted.FindAllStringSubmatch(p.GetValue(), -1) {
				if part[1] != "" {
					scope = append(scope, part[1])
				}
			}
			scope = scope[:max(0, len(scope)-1)]
		}
		if len(scope) == 0 {
			continue
		}
		for _, name := range append([]string{n.GetName()}, n.GetOutput()...) {
			if name != "" {
				out[name] = scope
			}
		}
	}
	return out
}

var quoted = regexp.MustCompile(`'([^']*)'`)

func scopeOfName(name string) []string {
	parts := strings.Split(strings.Trim(name, "/"), "/")
	return parts[:len(parts)-1]
}

// setScopes gives each node its scope. If the file has no scopes, the names of parameters give them:
// blocks.0.attn.qkv.weight lies in blocks, 0, attn, qkv. A node between two layers then belongs to the part that the
// layer before it lies in.
func setScopes(nodes []Node, scopes map[string][]string, firstParameter []string) {
	if len(scopes) > 0 {
		for i := range nodes {
			n := &nodes[i]
			for _, v := range n.Outputs {
				if s, ok := scopes[v.Name]; ok {
					n.scope = s
				}
			}
			if s, ok := scopes[n.Name]; ok && n.scope == nil {
				n.scope = s
			}
		}
		return
	}
	var outer []string
	for i, name := range firstParameter {
		if parts := strings.Split(name, "."); len(parts) > 1 {
			nodes[i].scope = parts[:len(parts)-1]
			outer = parts[:len(parts)-2]
			continue
		}
		nodes[i].scope = outer
	}
}
