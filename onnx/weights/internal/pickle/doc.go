// Package pickle reads the values that Python's pickle module wrote, without doing anything that a pickle asks for.
//
// A pickle is a program for a small stack machine. Python loads the classes that it names and calls them, whatever they
// do. This package never loads one: a class or function is only a [Global], the two names in the file. A call of one of
// the few Python types that this package knows makes a dict or a tuple. Of other calls the caller's Call hook makes a
// value, or else they become an [Object] that holds the class and the state that the file has for it. Protocols 2 to 4
// are read, and protocol 5 except for buffers.
//
// Time and memory are bounded by the length of the input and by [MaxSteps], whatever lengths it states. Texts and bytes
// are slices of the input, and values that the file shares are shared in memory.
//
// Format: https://docs.python.org/3/library/pickletools.html.
package pickle
