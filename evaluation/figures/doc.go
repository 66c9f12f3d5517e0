// Package figures draws the figures of an evaluation and of a run, each as a PNG and as an SVG. It draws confusion
// matrices, ROC and precision-recall curves, a reliability diagram, the course of training, class counts and sheets of
// images.
//
// Every function takes plain data and returns a [Figure]. Figures have the sizes of print: a column of a journal (85
// mm), or a page (178 mm) where many classes need it. No text is smaller than 7 points, except for numbers that have no
// room in the cells of a confusion matrix.
//
// Colours are Okabe and Ito's, which all kinds of colour vision tell apart, and one scale of blue from light to dark;
// lines differ by their dashes as well. Text is dark on white. Names come from folders and files: what cannot be shown,
// such as a control character, is escaped, and what is too long is shortened.
package figures
