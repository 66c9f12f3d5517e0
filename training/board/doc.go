// Package board shows runs beside one another: a table of what differs in their configs and of their results, their
// curves over each other, tests in pairs, and the images on which they disagree. It writes this as one page without
// network, and serves the page of a folder of runs, some of which may be in progress.
package board
