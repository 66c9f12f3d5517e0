//go:build !unix

package main

import "errors"

func processorTime() (float64, error) {
	return 0, errors.New("the processor time of a process is not known on this system")
}
