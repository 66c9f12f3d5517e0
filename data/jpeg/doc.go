// Package jpeg decodes JPEG files to the samples that libjpeg-turbo decodes them to, whole or a part of them, at full
// or reduced resolution.
//
// # What it decodes
//
// [Decode] and [DecodeBox] decode what cameras and Pillow write: grey and YCbCr images of 8 bits, Huffman-coded,
// sequential or progressive, with chroma of full resolution or halved along one or both axes (4:4:4, 4:2:2, 4:4:0,
// 4:2:0). [RGB] decodes all that libjpeg-turbo does with 8 bits but lossless files: RGB, CMYK and YCCK, any sampling,
// arithmetic coding, lost restart markers and missing scans. [Piece] decodes a JPEG inside a TIFF.
//
// # Exactness
//
// At full resolution the planes equal those of libjpeg-turbo's default decoder, bit for bit: its "islow" inverse DCT is
// exact integer arithmetic between two roundings, which this package makes at the same places. Chroma comes as stored;
// [ToRGB] interpolates it and converts colours as libjpeg-turbo does. Files with missing data are filled in and smoothed
// as it does, too.
//
// # Parts and reductions
//
// The entropy-coded data must be read from the start. But blocks outside the wanted box are not transformed, and
// nothing is read below it. A reduction by 2, 4 or 8 computes the mean of 2×2, 4×4 or 8×8 samples of a block directly,
// by a smaller transform.
package jpeg
