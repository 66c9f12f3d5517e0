// Package models opens the model that a run trains: a Vision Transformer that Fovea builds, or a classifier from an
// ONNX file.
//
// Package models/imported reads ONNX files that other programs wrote. Package models/pretrained puts the weights of a
// checkpoint into a model's parameters. Package models/inspect reports the contents of a model or weight file.
package models
