// Package lock keeps two processes from working on the same files. A lock ends with the process that holds it, however
// it ends.
package lock
