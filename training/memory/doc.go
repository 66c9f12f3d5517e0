// Package memory tells what memory a run needs and what there is, chooses the batch size that fits, and explains a lack
// of memory with a way out.
//
// A Need is computed from the graphs of a run. A Probe adds what is free, and on a GPU a trial of a step. Choose and
// Explain search it.
package memory
