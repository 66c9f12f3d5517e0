//go:build !cgo

package collective

import _ "fovea/onnx/cuda" // fails to build, with the one message that a reader needs
