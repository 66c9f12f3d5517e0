// Package lock keeps two processes from working on the same files. A lock ends with the process that holds it, even if
// the process is killed.
package lock
