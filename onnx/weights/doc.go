// Package weights reads and writes files of named tensors: safetensors, files that PyTorch's torch.save and
// PaddlePaddle's paddle.save write (.pth, .pdparams), the initializers of ONNX models, and the indices of files into
// which Hugging Face's libraries split a large model.
//
// [Open] maps the file, so a tensor's Data is the file's memory. Opening gigabytes takes milliseconds and little heap,
// and tensors that nobody asks for, an optimizer's state for instance, are not even read. If the file has a tensor's
// elements in another order than row-major, [Tensor.Bytes] copies them, one tensor at a time. Data must not be written
// to, nor used after [File.Close].
//
// Nothing in a file is ever executed. PyTorch's and PaddlePaddle's files are pickles, programs that may name any
// function. This package knows only a fixed list of functions, which make tensors and arrays. Numbers and texts in
// dicts, lists and argparse.Namespace are File.Values. Everything else becomes a value without content. Time and memory are bounded by the size of the file, whatever is
// written in it.
//
// [Write] writes a safetensors file from tensors in any memory, with the same bytes as the official library.
//
// Formats: https://github.com/huggingface/safetensors#format,
// https://docs.pytorch.org/docs/stable/notes/serialization.html and paddle/framework/io.py.
package weights
