// Package pb holds the ONNX message types, generated from the official onnx-ml.proto of the onnx package 1.23.2
// (Apache-2.0, LICENSE beside this file; IR version 14). To generate them again, with a newer onnx-ml.proto in this
// folder:
//
//	pip install grpcio-tools==1.85.1
//	go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
//	go generate ./onnx/pb
package pb

//go:generate python3 -m grpc_tools.protoc -I. --go_out=. --go_opt=Monnx-ml.proto=fovea/onnx/pb --go_opt=paths=source_relative onnx-ml.proto
