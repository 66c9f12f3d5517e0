// Package conformance differentiates test cases of single operators and compares the gradients with finite differences.
// A case may write its operator out in simpler ones. Its gradients are also compared with the operator's own.
//
//	go test ./tools/conformance                       fails if a case is worse than the score says
//	go test ./tools/conformance -run Score -v         prints every case that is not right, and how many are by operator
//	go test ./tools/conformance -run Score -write     writes the score
//
// The cases are in testdata, made by tools/oracle/conformance.py: those of the ONNX project (onnx, expanded), older
// ones of it that onnx-go carries, and ones of ONNX Runtime's own operators (contrib). testdata/score.csv lists the
// cases that are not right, with the reason.
package conformance
