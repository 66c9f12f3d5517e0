// Package install finds, fetches, verifies and diagnoses the ONNX Runtime library that [fovea/onnx/ort] runs models on.
//
// # Finding
//
// [Load] finds the library, or fetches it once, and opens it for the process. It searches in this order: the path that
// the caller or the environment variable FOVEA_ORT names; the folder of this program, where a release of Fovea has a
// library whose SHA-256 stands in this package; the cache that [CPU] fills; an installed Python package onnxruntime; the
// system's library folders. It fetches a library only if none of them has one.
//
// # Fetching
//
// [CPU] fetches a library into the cache with the Go command or with pip, or takes it from a file or URL. A fetched
// library must have a SHA-256 that is written in this package. No code of a file is executed before the file is known
// to be a library for this machine. [ForRelease] returns the library of any system, for a release of Fovea.
//
// # GPUs
//
// Load looks for a build for NVIDIA GPUs where [Source] asks for one. [GPU] puts such a build into the cache, with
// NVIDIA's libraries that its CUDA provider is linked against. Before the first session with that provider, those
// libraries are opened from the folders of LD_LIBRARY_PATH, the cache, Python's packages or the system. So the loader
// finds them in whatever folder they lie.
//
// # Diagnosis
//
// [CheckCUDA] returns the reason why the library in use cannot compute on a GPU. [Doctor] reports everything
// that sessions need on this machine. Both name the command that mends what is missing.
package install
