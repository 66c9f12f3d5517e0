// Package prepare turns the official download of each data set of RETFound's benchmark into a folder that package data
// opens: train, val and test, in each the class folders with RETFound's names, whose order is the order of classes.
//
// # Source
//
// A source is a zip archive, or a folder with any mixture of archives and unpacked files. An archive that was cut into
// .zip.001, .zip.002 … is read as one, and an archive in an archive as a folder. Members are read in place. A [Set]
// knows where its labels stand: in the names of folders or in a table. It is an error if a label has no image, an image
// has no label, a file cannot be read, or the numbers of images are not the published ones: each means that the
// download is incomplete or another release.
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
// # Images of one's own
//
// [Own] names a table and takes the splits from package labels. Rows and images that cannot be used are counted and
// listed in left_out.csv, not refused.
//
// # Result
//
// Images are copied byte for byte, unless they are cropped: see [Options.Crop]. manifest.csv lists all of them with the
// SHA-256 of their source. Everything is made in a hidden folder beside the result, synced, and opened by package data.
// It takes the result's name at the end; an error or a cancelled context leaves nothing.
package prepare
