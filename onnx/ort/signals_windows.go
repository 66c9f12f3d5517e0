package ort

// keepSignals runs a function. Providers leave Go's handlers alone on Windows.
func keepSignals(f func() error) error { return f() }
