// Package report writes what an evaluation leaves in a folder: report.html, the page that it is read by, the figures of
// the page as files, and the tables.
//
// The page is one file that holds its pictures and its style, needs no network, and is the same on a phone, on paper,
// in light and in dark. Only that of a run under way has a script, which loads it again if its reader asks for that.
//
// A [Report] is plain data: of a run, of a test, or of both. What there is not, as the course of training in the
// evaluation of somebody's predictions, is left out. The page begins with a verdict in words: how good the model is on
// how many images, how that compares with always saying the commonest class, and what it does not show. Intervals of
// shares in it are Wilson's, which keep their width where a few images have no error; those of the tables are the
// bootstrap's of package evaluation.
//
// Names of classes, paths and settings come from users and are escaped.
package report
