// Package onnx reads, writes and checks ONNX model files. Package pb has the message types; this package makes them
// usable for models of many gigabytes.
//
// In memory a tensor's bytes are in its RawData field, wherever they are in the file. [Open] maps the file and every
// external data file that it names, and points RawData of the initializers into the maps. So a model in memory has no
// external data, costs little heap, and reads weights when they are touched. Such RawData must not be written to, nor
// used after [Model.Close].
//
// To save a model, [SetData] points an initializer at bytes that live in the caller's memory, and [Save] and [Marshal]
// write them from there. The protobuf package never sees the weights.
//
// [Data] returns the little-endian bytes of any tensor, even if the tensor keeps them in a typed field (float_data,
// int64_data and so on).
//
// Format: https://github.com/onnx/onnx/blob/main/docs/IR.md and
// https://github.com/onnx/onnx/blob/main/docs/ExternalData.md.
package onnx
