package signals

// Keep runs a function. Libraries leave Go's handlers alone on Windows.
func Keep(f func() error) error { return f() }
