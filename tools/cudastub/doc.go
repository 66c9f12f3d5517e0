// Package cudastub shows on a machine without a GPU where the CUDA provider of the stock ONNX Runtime puts a graph's
// nodes.
//
//	python3 tools/cudastub/cudastub.py DIR
//	FOVEA_CUDA_STUB=DIR go test ./...
//
// cudastub.py fetches onnxruntime-gpu and builds stand-ins for the CUDA libraries. With them a session is type-checked,
// optimised and partitioned as on a real GPU, but its kernels compute nothing. [Run] prepares a test for
// [fovea/onnx/ort.CheckPlacement], or skips it where the stand-ins are not there.
//
// Package onnx/cuda works on them too, and several GPUs are joined by a stand-in of NCCL. The kernels of training/optim/gpu do compute, because they are compiled for the
// host. [Live] counts the resources that a test has not given back. Environment variables make the GPU small, old or
// absent. The script names them.
package cudastub
