// Package jpeg decodes JPEG files to the samples that libjpeg-turbo decodes them to, whole or a part of them, at full
// or reduced resolution.
//
// # What it decodes
//
// It decodes grey and YCbCr images of 8 bits, Huffman-coded, sequential or progressive. Chroma has full resolution or
// is halved along one or both axes (4:4:4, 4:2:2, 4:4:0, 4:2:0). That is what cameras and Pillow write. Other files,
// and damaged ones, give an error that does not say what is wrong. A caller then turns to image/jpeg, which decodes
// rare kinds and explains the rest.
//
// # Exactness
//
// At full resolution the planes equal those of libjpeg-turbo's default decoder, bit for bit: its "islow" inverse DCT is
// exact integer arithmetic between two roundings, which this package makes at the same places. Chroma comes as stored:
// the caller interpolates it and converts colours.
//
// # Parts and reductions
//
// The entropy-coded data must be read from the start. But blocks outside the wanted box are not transformed, and
// nothing is read below it. A reduction by 2, 4 or 8 computes the mean of 2×2, 4×4 or 8×8 samples of a block directly,
// by a smaller transform.
package jpeg
