// Package signals keeps the signal handlers that Go installed from the libraries that a program opens later.
package signals
