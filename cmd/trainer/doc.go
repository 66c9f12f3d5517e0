// Trainer fine-tunes retinal image classifiers. It reads flags, starts what the
// packages of this module do, shows progress and turns errors into exit codes:
// 0 done, 1 failed, 2 bad usage or config, 130 interrupted. "trainer help" is
// its manual.
//
// Results go to standard output; log and progress go to standard error.
package main
