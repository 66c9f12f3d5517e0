// Package start writes the first config for images that nobody has trained on yet: it looks at a folder and at this
// machine, measures a few steps, and chooses a model that is trained within a given time.
package start
