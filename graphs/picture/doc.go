// Package picture draws a graph of nodes that exchange named values, as SVG or in
// Graphviz's language. Nodes of one scope, down to a depth, are one box, so that a
// model of a thousand nodes is a picture of some tens of boxes. It needs no
// program but this one.
package picture
