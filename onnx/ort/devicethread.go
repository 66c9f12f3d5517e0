package ort

import (
	"runtime"
	"sync"
)

// deviceCalls takes functions and runs them one after another on one thread of the system. The CUDA provider keeps
// handles, work spaces and captured graphs for each thread that calls it, and goroutines move between threads.
var deviceCalls = sync.OnceValue(func() chan<- func() {
	calls := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range calls {
			f()
		}
	}()
	return calls
})

// onDeviceThread runs f on the thread of deviceCalls and returns its error.
func onDeviceThread(f func() error) error {
	result := make(chan error)
	deviceCalls() <- func() { result <- f() }
	return <-result
}
