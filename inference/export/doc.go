// Package export writes a trained classifier for its place of use: as it is, in half precision, and with weights of 8
// bits. Each variant is a model file of standard operators whose output is probabilities. The package measures on the
// images of a split what each variant costs, and writes the results into export.json and a model card in Markdown.
//
// Package graphs/deploy rewrites the graphs. Every file is opened again and run on the same images as the model that it
// was made of. A variant that does not compute the same is an error.
package export
