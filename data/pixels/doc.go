// Package pixels decodes image files to the pixels that Pillow gives for Image.open(path).convert("RGB").
//
// # Kinds
//
// [Decode] tells the kind of a file by its first bytes. The table of kinds in kinds.go decides alone what is read: it
// does not matter which decoders a program links, nor how a file is called. A kind that is not read has an error that
// says its name and what to do.
//
// # Differences from Pillow
//
//   - Grey of 16 bits is scaled to 8 bits, as Pillow itself does with 16-bit colour. Pillow clips grey at 255, which
//     makes most such images white. [Options] says what is white.
//   - Files that Pillow reads wrongly or with a guess are errors: TIFFs with 16 bits in which 0 is white, for instance.
//
// What both do and what may surprise is reported as [Notes]: EXIF orientation is ignored, and of several pages the first
// is read.
//
// # Memory
//
// A file of a few bytes can claim any size. [SetLimit] bounds the pixels of an image and the memory of all images that
// are decoded at a time; [Reserve] waits for that memory.
package pixels
