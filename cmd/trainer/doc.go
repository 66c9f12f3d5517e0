// Trainer fine-tunes retinal image classifiers and uses them. It reads flags, calls the packages of this module, shows
// progress and turns errors into exit codes: 0 done, 1 failed, 2 bad usage or config, 130 interrupted. "trainer help" is
// its manual.
//
// Each command is defined in a file of its own: what it does, its flags and its examples. The manual and the parsing of
// flags both come from this definition; see command. Results go to standard output; log and progress go to standard
// error.
package main
