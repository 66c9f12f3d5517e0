package inspect

import (
	"regexp"
	"strings"

	"fovea/onnx/pb"
)

// scopesOf reads the scopes that PyTorch's exporters note: the newer in the
// metadata of a node, as [”, 'blocks', 'blocks.0', 'add'] with the operator last,
// the older as the node's name, /blocks/blocks.0/Add. They are by the names of
// nodes and of their results.
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

// setScopes gives each node its scope. Where the file notes none at all, the names
// of parameters tell: blocks.0.attn.qkv.weight lies in blocks, 0, attn, qkv; nodes
// between two layers belong to what the layer before them is a part of.
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
