// Package weights reads and writes files of named tensors: safetensors, and
// the initializers of ONNX models.
//
// [Open] maps the file, so a tensor's Data is the file's memory: opening a
// gigabyte takes milliseconds and no heap, and nothing in the file is ever
// executed. Data must not be written to, nor used after [File.Close].
//
// [Write] makes a safetensors file from tensors wherever they are in memory,
// byte for byte as the official library makes it.
//
// Format: https://github.com/huggingface/safetensors#format.
package weights
