// Package trained opens classifiers of images that somebody trained: ONNX files, and weight files of PyTorch and
// PaddlePaddle with their head.
//
// A weight file holds no graph. Names and shapes of its tensors tell the Vision Transformer (see package pretrained),
// and the arguments of the program that wrote it, where they are in the file, tell how it wants its images. [Open]
// writes that model as an ONNX graph whose initializers are the file's memory. What a file does not say, and nobody
// else, is an error.
package trained
