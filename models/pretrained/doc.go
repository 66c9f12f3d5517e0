// Package pretrained decides which tensor of a weight file becomes which
// parameter of a model, and fills the parameters.
//
// [New] follows RETFound's main_finetune.py, step by step: it takes the dict
// "model" of a checkpoint (masked autoencoders, fine-tuned models), or "teacher"
// (DINOv2), or else the file itself; renames what DINOv2 calls otherwise; drops
// the head; and resizes position embeddings to the model's grid. Linear weights
// of PaddlePaddle, which keeps them [in,out], are transposed. What has another
// shape than its parameter is an error, and so is a parameter that the file
// lacks, unless it is of the head or of fc_norm, which pre-training has not.
//
// [Match.Load] converts to float32, whatever the file's type, and draws a new
// head: weights with a standard deviation of 2e-5 and biases of 0, so that
// training starts from equal probabilities. It does so too where the file's
// head has the model's shape: as many classes need not be the same classes.
// (RETFound draws the weight anew but keeps such a file's bias.) To go on with
// a run's own head, resume the run.
package pretrained
