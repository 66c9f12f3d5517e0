// Package signals protects Go's signal handlers from libraries that a program opens later.
package signals
