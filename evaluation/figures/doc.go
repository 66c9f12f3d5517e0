// Package figures draws what an evaluation and a run are judged by, each as a PNG and as an SVG: confusion matrices,
// ROC and precision-recall curves, a reliability diagram, the course of training, class counts and sheets of images.
//
// Every function takes plain data and returns a [Figure]. Sizes are those of print: a figure is a column of a journal
// wide (85 mm), or a page (178 mm) where many classes need it, and no text is smaller than 7 points, but for the
// numbers in the cells of a confusion matrix that have no room.
//
// Colours are Okabe and Ito's, which all kinds of colour vision tell apart, and one scale of blue from light to dark;
// lines differ by their dashes as well. Text is dark on white. Names come from folders and files: what cannot be shown,
// such as a control character, is replaced, and what is too long is shortened.
package figures
