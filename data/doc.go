// Package data turns folders of images into batches of float32 tensors.
//
// # Folders
//
// A data set is a folder with the splits train, val and test; a split holds one folder for each class. [Open] and
// [OpenSplit] list them in the order of torchvision's ImageFolder, so that a class has the index that it has in
// PyTorch. They refuse what would train a wrong model: a missing split, an empty class, splits whose classes differ.
// [OpenSplitNumbered] accepts the last, as torchvision does. Package labels reads a table instead.
//
// A split may also be tar archives with labels, see [OpenPart]. A Sample's path is then ARCHIVE.tar/MEMBER. All that read
// images go through [ReadFile], which knows such paths.
//
// # The path of one image
//
// A training image passes these functions, in this order:
//
//	Loader.Epoch           starts the epoch: its order, and a generator of random numbers for each place in it
//	Loader.loadImage       reads the file, or its entry in the Cache
//	TrainTransform.cropBox draws the box of the crop
//	decodeCrop             file → RGB, 8 bits, as Pillow's convert("RGB"): package jpeg, or all of it by package pixels
//	resize                 box of RGB [H,W] → RGB [S,S], equal to Pillow's antialiased bicubic
//	arrangement.apply      RGB [S,S] → RGB [S,S]: flips, quarter turns, shift
//	augment.Policy         RGB [S,S] → RGB [S,S]: colours and shapes
//	normalize              RGB [S,S] → float32 [3,S,S]: (v/255 - mean) / std
//	augment.Eraser         float32 [3,S,S] → float32 [3,S,S]
//	Iterator.Next          returns the Batch, float32 [N,3,S,S], when its last image is there
//	Targets.Apply          makes the targets of the batch, float32 [N,C], and mixes its images (augment.Mixer)
//
// This is timm's order. An image for evaluation is decoded whole ([DecodeBytes]), resized and cropped
// (EvalTransform.crop), and normalised. [TrainTransform], [EvalTransform] and [ViewsTransform] each show their steps in
// Apply.
//
// Transforms are values without state. All that is random comes from a generator that follows from the seed, the epoch,
// the index of the sample and how often the epoch had it before. So a batch is the same for any number of workers, and
// a run resumes at any batch without replaying those before it.
//
// # Batches
//
// A [Loader] prepares a few batches ahead of the consumer, in a fixed set of buffers. Its goroutines start in
// [Loader.Epoch] and end with [Iterator.Close], with the context, or with the epoch.
//
// # Decoding
//
// [Decode] reads a whole image; package pixels says which kinds. Training without a cache decodes only the crop's box of a JPEG. It decodes a box of at
// least 4·S pixels a side at half its resolution, of 8·S at a quarter and of 16·S at an eighth. Evaluation always
// decodes the whole image at full resolution.
//
// A [Cache] keeps decoded images between epochs and runs.
package data
