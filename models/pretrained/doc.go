// Package pretrained decides which tensor of a weight file becomes which parameter of a model, and fills the
// parameters.
//
// [New] tries each way of naming in layouts.toml at each place in the file. A layout is a table from names in a file to
// those of the model; it can stack tensors, take parts of them and transpose. What stands before all names, such as
// "state_dict.module.", is found. Like RETFound's main_finetune.py, New leaves out the head and resizes position
// embeddings to the model's grid. Linear weights of PaddlePaddle, which keeps them [in,out], are transposed.
//
// A file that does not fill the whole backbone is an error, unless the caller allows the names, and so is one with
// tensors that would change what the backbone computes. The head and fc_norm, which pre-training does not have, may be
// missing. [Outlines] reads the Vision Transformer off a file of any such layout.
//
// [Match.Load] converts to float32, whatever the file's type, and draws a new head, unless the file's is kept. A new
// head's weights have a standard deviation of 2e-5 and its biases are 0, so that training starts from equal
// probabilities. It does so even if the file's head has the model's shape, because as many classes need not be the same
// classes. (RETFound draws the weight anew but keeps such a file's bias.)
package pretrained
