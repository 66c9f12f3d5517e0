// Package export writes a trained classifier for where it will be used: as it is, in half precision, with weights of 8
// bits, each as a model file of standard operators that gives probabilities, and measures on the images of a split what
// that costs. A model card in Markdown and export.json say what was found.
//
// The rewriting is package graphs/deploy's. Every file is opened again and run on the same images as the model that it
// was made of: what does not compute the same is an error before it is measured.
package export
