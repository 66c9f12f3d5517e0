// Package report writes report.html, the page that a run is read by: one file
// that holds its pictures and its style, needs no script and no network, and is
// the same on a phone, on paper, in light and in dark.
//
// [Write] takes a [Report], which is plain data, and begins with a verdict in
// words: what was trained on what, how good it is, how that compares with always
// saying the commonest class, and what it does not show. [Report.Pictures] are the
// figures of the page, for other files.
//
// Names of classes, paths and settings come from users and are escaped.
package report
