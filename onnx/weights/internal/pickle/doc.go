// Package pickle reads the values that Python's pickle module wrote, without doing anything that a pickle asks for.
//
// A pickle is a program for a small stack machine; one that loads a class and calls it runs whatever it names. Here a
// class or function is only ever a [Global], the two names in the file. Calling one makes a dict or a tuple where it is
// one of the few of Python's own that this package knows, what the caller's Call hook makes of it, or else an [Object]
// that holds nothing but the class. Protocols 2 to 4 are read, and of protocol 5 all but buffers.
//
// Time and memory are bounded by the length of the input and by [MaxSteps], whatever the lengths in it say: texts and
// bytes are slices of the input, and what is shared in the file is shared in memory.
//
// Format: https://docs.python.org/3/library/pickletools.html.
package pickle
