// Package mmap shows a whole file as a read-only byte slice. On Linux and macOS the file is mapped, so that gigabytes
// of weights cost no heap and are read when they are touched; elsewhere the file is read.
//
// Writing to the slice, or touching it after Close, crashes the program. So does another process that truncates the
// file meanwhile; files that are replaced by renaming, as this module writes them, are safe.
package mmap
