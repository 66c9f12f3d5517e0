// Package mmap gives the content of a file as a read-only byte slice. On Linux and macOS it maps the file, so gigabytes
// of weights cost no heap and are read when they are touched. On other systems it reads the file.
//
// Writing to the slice, or touching it after Close, crashes the program. So does another process that truncates the
// file meanwhile. Files that are replaced by renaming, as this module writes them, are safe.
package mmap
