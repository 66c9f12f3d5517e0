// Package deploy rewrites a trained classifier for the place where it will run. [Half] stores weights and computes
// products in half precision. [Quantize] stores weights in 8 bits and quantises products when the model runs. [Embed]
// puts the preparation of the image into the model. [Model] writes it in the operators of a chosen opset.
//
// [Classifier] comes first and names the outputs. The package takes the graphs that importer's Verbatim makes, traced
// with two images, and runs nothing. It writes only standard operators, so that any runtime can run the result.
package deploy
