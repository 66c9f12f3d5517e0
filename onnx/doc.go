// Package onnx reads, writes and checks ONNX model files. The message types are in package pb; this package adds what
// makes them usable for models of many gigabytes.
//
// In memory a tensor's bytes are in its RawData field, wherever they are in the file: [Open] maps the file, and every
// external data file it names, and points RawData of the initializers into the maps. A model in memory thus has no
// external data, costs little heap, and reads weights when they are touched. Such RawData must not be written to, nor
// used after [Model.Close]. The other way round, [SetData] points an initializer at bytes that live in the caller's
// memory, and [Save] and [Marshal] write them from there: the protobuf package sees the envelope only, never the
// weights.
//
// [Data] gives the little-endian bytes of any tensor, also of one that keeps them in a typed field (float_data,
// int64_data and so on).
//
// Format: https://github.com/onnx/onnx/blob/main/docs/IR.md and
// https://github.com/onnx/onnx/blob/main/docs/ExternalData.md.
package onnx
