// Package sharedlib opens shared libraries by their path and finds functions in them.
package sharedlib
