// Package report writes the results of an evaluation into a folder: report.html, the figures of the page as files, and
// the tables.
//
// The page is one file that holds its pictures and its style and needs no network. It works on a phone, on paper, in
// light and in dark. The page of a test has a script that shows the images behind
// the parts of its figures. That of a run under way has one that reloads the page if the reader asks for that.
//
// A [Report] is plain data of a run, of a test, or of both. Parts that are not there are left out: the evaluation of
// somebody's predictions has no course of training. The page begins with a verdict in words: how good the model is on
// how many images, how that compares with always answering the most frequent class, and what it does not show.
// All intervals are those of the [evaluation.Assessment], so that a measure has the same one everywhere.
//
// Names of classes, paths and settings come from users and are escaped.
package report
