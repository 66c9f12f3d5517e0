// Package cudastub holds the means to see, on a machine without a GPU, where
// the CUDA provider of the stock ONNX Runtime puts a graph's nodes.
//
//	python3 tools/cudastub/cudastub.py DIR
//	FOVEA_CUDA_STUB=DIR go test ./...
//
// cudastub.py fetches onnxruntime-gpu and builds stand-ins for the CUDA
// libraries. With them a session is type-checked, optimised and partitioned as
// on a real GPU; its kernels compute nothing. [Run] readies a test for
// [fovea/onnx/ort.CheckPlacement], or skips it where the stand-ins are not there.
//
// Package onnx/cuda works on them too, and the kernels of training/optim/gpu
// compute: they are compiled for the host. [Live] counts what a test has not
// given back. Environment variables make the GPU small, old or absent; the
// script names them.
package cudastub
