package onnx

import (
	"fovea/onnx/pb"

	"google.golang.org/protobuf/proto"
)

// Metadata returns the value under key in m's metadata_props, and whether there is one.
func Metadata(m *pb.ModelProto, key string) (string, bool) {
	for _, p := range m.GetMetadataProps() {
		if p.GetKey() == key {
			return p.GetValue(), true
		}
	}
	return "", false
}

// SetMetadata sets the value under key in m's metadata_props.
func SetMetadata(m *pb.ModelProto, key, value string) {
	for _, p := range m.GetMetadataProps() {
		if p.GetKey() == key {
			p.Value = proto.String(value)
			return
		}
	}
	m.MetadataProps = append(m.MetadataProps,
		&pb.StringStringEntryProto{Key: proto.String(key), Value: proto.String(value)})
}
