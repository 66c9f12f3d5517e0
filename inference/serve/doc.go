// Package serve answers over HTTP what a classifier says about an image, and what its score depends on: a page to drop
// one on, and an interface of JSON and PNG.
//
// What comes in is hostile until shown otherwise. An upload is bounded in bytes before it is read, and in pixels, told
// from its header, before it is decoded; uploads under way are bounded in number and in memory, and what is beyond that
// is refused at once with 503. A refusal is sent before the rest of the upload has come. Headers, bodies and answers
// have deadlines, and connections are bounded in number. Names of files are not used, and nothing is written to disk. A
// page of another site, or one whose name was made to resolve to this machine, is refused.
//
// Images that wait are classified together, one batch at a time. Heat maps are computed beside that, one at a time, by
// a second model; few may wait, so that they take neither time nor memory from predictions.
package serve
