// Package data turns folders of images into batches of float32 tensors.
//
// # Folders
//
// A data set is a folder with the splits train, val and test; a split holds one folder a class. [Open] and [OpenSplit]
// list them in the order of torchvision's ImageFolder, so that a class has the index it has in PyTorch, and refuse what
// would train a wrong model: a missing split, an empty class, splits whose classes differ. [OpenSplitNumbered] accepts
// the last, as torchvision does.
//
// # From a file to a tensor
//
// Every sample passes the same stages:
//
//	Decode      file            → RGB, 8 bits, as Pillow's convert("RGB")
//	crop        RGB [H,W]       → RGB [S,S], equal to Pillow's antialiased bicubic
//	arrange     RGB [S,S]       → RGB [S,S]: flips, quarter turns, shift
//	augment     RGB [S,S]       → RGB [S,S]: colours and shapes, fovea/data/augment
//	normalize   RGB [S,S]       → float32 [3,S,S]: (v/255 - mean) / std
//	erase       float32 [3,S,S] → float32 [3,S,S], fovea/data/augment
//
// This is timm's order. What mixes samples, augment.Mixer, comes after [Iterator.Next].
//
// [TrainTransform] and [EvalTransform] are values without state. What is random comes from a generator derived from
// (seed, epoch, index of the sample, how often the epoch had it before), never from a shared one: a batch is the same
// for any number of workers, and a run resumes at any batch without replaying those before it.
//
// # Batches
//
// A [Loader] prepares a few batches ahead of the consumer, in a fixed set of buffers. Its goroutines start in
// [Loader.Epoch] and end with [Iterator.Close], with the context, or with the epoch.
//
// # Decoding
//
// [Decode] reads a whole image. For training without a cache, of a JPEG only the crop's box is decoded, and a box of
// 4·S pixels a side or more at half its resolution, of 8·S at a quarter, of 16·S at an eighth. Evaluation always
// decodes all at full resolution.
//
// A [Cache] keeps decoded images between epochs and runs.
package data
