// Package explain shows what a classifier's score of a class depends on, as heat maps over the image, and computes the
// features that the classifier's head reads.
//
// It imports a model file, differentiates it and adds the computation of each method to its graph, so that the maps come
// from the very graph that is deployed. Any model that can be differentiated has maps of the gradient of its input.
// Grad-CAM and the two maps of attention also need a part of the model that is found in its graph; see [Method]. All of
// it runs on the CPU. ONNX Runtime must be loaded.
package explain
