// Package explain shows what a classifier's score of a class depends on, as heat maps over the image, and gives out the
// features that its head reads.
//
// A model file is imported, differentiated and extended by what a method computes, so that the maps come out of the
// very graph that is deployed. Any model that can be differentiated has the maps of its input's gradient; Grad-CAM and
// the two maps of attention need a part of the model that is found in its graph, see [Method]. It runs on the CPU, and
// ONNX Runtime must be loaded.
package explain
