// Package prepare turns the official download of each data set of RETFound's benchmark into a folder that package data
// opens: train, val and test, in each the class folders with RETFound's names, whose order is the order of classes.
//
// # Source
//
// A source is a zip archive, or a folder with any mixture of archives and unpacked files; an archive that was cut into
// .zip.001, .zip.002 … is read as one, an archive in an archive as a folder. Members are read where they lie. A [Set]
// knows where its labels stand: in the names of folders or in a table. A label without an image, an image without a
// label, a file that cannot be read and counts other than the published ones are errors, since each of them means that
// the download is not whole or is another release.
//
// # Splits
//
// The published sizes follow from one rule for each class of n images: test has ⌈0.3 n⌉, val ⌈0.2 (n - test)⌉ and train
// the rest. PAPILA's test has 0.2 n, rounded; IDRiD keeps its official test. Which images they are depends on the
// images alone, not on the source's form, names of archives or order of files.
//
// The eyes of a patient, and images with the same pixels, go into one split as far as the sizes permit; [Plan.Report]
// lists those that do not.
//
// # Result
//
// Images are copied byte for byte, unless they are cropped: see [Options.Crop]. manifest.csv lists all with the SHA-256
// of their source. Everything is made in a hidden folder beside the result, synced, opened by package data, and takes
// the result's name at the end; an error or a cancelled context leaves nothing.
package prepare
