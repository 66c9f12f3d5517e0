// Package randomgraphs tests on random graphs what must hold for every graph. The graphs are ONNX models of 5 to 40
// nodes over all operators that have a rule of differentiation, in opsets 9 to 25, imported as a user's model is. More
// of them are tried by
//
//	go test ./graphs/randomgraphs -seed 1000 -rounds 5000
//
// A seed determines the whole model. The test shrinks a model that fails as long as it fails, and prints it.
package randomgraphs
