// Package pretrained decides which tensor of a weight file becomes which parameter of a model, and fills the
// parameters.
//
// [New] follows RETFound's main_finetune.py step by step. It takes the dict "model" of a checkpoint (masked
// autoencoders, fine-tuned models), or "teacher" (DINOv2), or else the file itself. It cuts off what stands before the
// names of most parameters, such as "state_dict." or "module.". It renames the tensors that DINOv2 names differently,
// drops the head, and resizes position embeddings to the model's grid. Linear weights of
// PaddlePaddle, which keeps them [in,out], are transposed. A tensor with another shape than its parameter is an error.
// So is a parameter that the file lacks, unless it belongs to the head or to fc_norm, which pre-training does not have.
//
// [Match.Load] converts to float32, whatever the file's type, and draws a new head. Its weights have a standard
// deviation of 2e-5 and its biases are 0, so that training starts from equal probabilities. It does so even if the
// file's head has the model's shape, because as many classes need not be the same classes. (RETFound draws the weight
// anew but keeps such a file's bias.) To continue with a run's own head, resume the run.
package pretrained
