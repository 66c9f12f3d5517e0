// Package jpeg decodes JPEG files to the samples that libjpeg-turbo decodes them to, whole or a part of them, at full
// or reduced resolution.
//
// # What it decodes
//
// Grey and YCbCr images of 8 bits, Huffman-coded, sequential or progressive, with chroma at full resolution or halved
// along one or both axes (4:4:4, 4:2:2, 4:4:0, 4:2:0): what cameras and Pillow write. All else, and every damaged file,
// is an error here. It does not say what is wrong: image/jpeg, to which a caller turns then, decodes what is merely
// rare and explains the rest.
//
// # Exactness
//
// At full resolution the planes equal those of libjpeg-turbo's default decoder, bit for bit: its "islow" inverse DCT is
// exact integer arithmetic between two roundings, which are made at the same places. Chroma comes as stored: to
// interpolate it and to convert colours is the caller's work.
//
// # Parts and reductions
//
// The entropy-coded data must be read from the start, but blocks outside the wanted box are not transformed, and
// nothing is read below it. A reduction by 2, 4 or 8 gives every block the mean of 2×2, 4×4 or 8×8 of its samples,
// which are computed directly, by a smaller transform.
package jpeg
