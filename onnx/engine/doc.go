// Package engine chooses the device and the precision that models run on, and opens sessions accordingly.
//
// New loads ONNX Runtime, looks for a GPU if the settings allow one, and decides what "auto" means. An Engine then
// opens two kinds of sessions: Open waits for each run, and OpenTraining only enqueues runs on the device's stream and
// may replay a CUDA graph. Models that the program itself builds are rewritten for the device
// first (graphs.Graph.Lower).
package engine
