// Package serve answers over HTTP what a classifier says about an image: a page
// to drop one on, and a JSON interface.
//
// What comes in is hostile until shown otherwise. An upload is bounded in bytes
// before it is read, and in pixels, told from its header, before it is decoded;
// uploads under way are bounded in number and in memory, and what is beyond that
// is refused at once with 503. Headers, bodies and answers have deadlines. Names
// in a request are not used, and nothing is written to disk. A page of another
// site, or one whose name was made to resolve to this machine, is refused.
//
// Images that wait are classified together, one batch at a time.
package serve
