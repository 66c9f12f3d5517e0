//go:build !cgo

package cuda

// Fovea calls C libraries. Without a C compiler Go leaves their files out, and most names of this package with them.
// This name stands nowhere: the compiler's complaint about it is the message to the reader.
var _ = Fovea_needs_a_C_compiler__install_gcc_and_do_not_set_CGO_ENABLED_to_0
