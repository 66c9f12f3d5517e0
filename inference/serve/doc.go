// Package serve classifies images over HTTP and explains the scores by heat maps: on a page that an image is dropped
// on, and through an interface of JSON and PNG.
//
// Uploads are not trusted. Their bytes are limited before they are read, and their pixels, taken from the header,
// before they are decoded. The number and the memory of uploads under way are limited too; an upload beyond that is
// refused at once with 503. A refusal is sent before the rest of the upload has come. Headers, bodies and answers have
// deadlines, and connections are limited in number. Names of files are not used, and nothing is written to disk.
// Requests from a page of another site are refused, and so are requests for a name that was made to resolve to this
// machine: the server answers only to names and addresses that it knows.
//
// Images that wait are classified together, one batch at a time. A second model computes heat maps beside that, one at
// a time. Only a few may wait, so that they take neither time nor memory from predictions.
package serve
