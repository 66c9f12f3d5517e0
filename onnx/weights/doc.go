// Package weights reads and writes files of named tensors: safetensors, what PyTorch's torch.save and PaddlePaddle's
// paddle.save write (.pth, .pdparams), the initializers of ONNX models, and indices of files among which Hugging Face's
// libraries split what is large.
//
// [Open] maps the file, so a tensor's Data is the file's memory: opening gigabytes takes milliseconds and little heap,
// and what is not asked for, an optimizer's state for instance, is not even read. Elements that are not in row-major
// order in the file are copied when [Tensor.Bytes] asks for them, one tensor at a time. Data must not be written to,
// nor used after [File.Close].
//
// Nothing in a file is ever executed. PyTorch's and PaddlePaddle's files are pickles, programs that may name any
// function: of these only a fixed list is known, which makes tensors and arrays; everything else, such as
// argparse.Namespace, becomes a value without content. Time and memory are bounded by the size of the file, whatever is
// written in it.
//
// [Write] makes a safetensors file from tensors wherever they are in memory, byte for byte as the official library
// makes it.
//
// Formats: https://github.com/huggingface/safetensors#format,
// https://docs.pytorch.org/docs/stable/notes/serialization.html and paddle/framework/io.py.
package weights
