package models

import (
	"fovea/graphs/artifacts"
	"fovea/graphs/transfer"
	"fovea/onnx/pb"
)

// A Model is a classifier that can be trained: a ViT or a File.
type Model interface {
	artifacts.Model
	// Parameters returns the parameters, those of the lowest layer first.
	Parameters() []transfer.Parameter
	// Images returns the name of the input for images, float32 [B,3,S,S].
	Images() string
	// Initialize writes the values that parameter i begins with, drawn from seed.
	Initialize(i int, values []float32, seed uint64)
	// Inference returns the model that is deployed. Its parameters are inputs or initializers, to be filled in.
	Inference() (*pb.ModelProto, error)
	// Facts returns the description of the model in artifacts.json.
	Facts() any
	// Attributes returns the description of the model in the log as slog's keys and values. It is empty for a model
	// that the config describes in full.
	Attributes() []any
	// Digest returns a text that identifies the files that a resumed run must find again, or nothing if there are none.
	Digest() string
	Close() error
}
