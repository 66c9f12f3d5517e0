// Package deploy rewrites a trained classifier for where it will run: with
// weights and products in half precision ([Half]), with weights of 8 bits and
// dynamically quantised products ([Quantize]), with the preparation of the image
// inside ([Embed]), in the operators of a chosen opset ([Model]).
//
// It works on graphs as importer's Verbatim gives them, of two images, and runs
// nothing. Only standard operators are written, so that any runtime takes the
// result. [Classifier] comes first: it gives the outputs their names.
package deploy
