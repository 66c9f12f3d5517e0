// Package randomgraphs tests what holds of every graph, on random ones: ONNX
// models of 5 to 40 nodes over all operators that have a rule of
// differentiation, in opsets 9 to 25, imported as a user's model is.
//
//	go test ./graphs/randomgraphs -seed 1000 -rounds 5000
//
// tries more of them. A seed tells the whole model. What fails is made smaller
// as long as it fails, and printed.
package randomgraphs
