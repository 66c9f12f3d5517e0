// Package models opens what a run trains: a Vision Transformer that Fovea builds, or a classifier from an ONNX file.
//
// Package models/imported reads ONNX files that other programs wrote, models/pretrained puts the weights of a
// checkpoint into a model's parameters, and models/inspect tells what is in a model or a weight file.
package models
