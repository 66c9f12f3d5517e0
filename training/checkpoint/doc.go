// Package checkpoint keeps a training run's state in a folder: parameters in model.safetensors, the optimizer's moments
// in optimizer.safetensors, and the rest in state.json with the format's version and the size and CRC-32C of the two
// others.
//
// [Write] replaces a checkpoint as a whole. Whatever happens in between, be it a full disk, kill -9 or a power failure,
// [Read] finds the earlier checkpoint or the new one, complete and verified. Where the system can exchange two folders
// in one step (Linux), there is always a complete folder under the checkpoint's name. Elsewhere there is a moment in
// which the earlier one is called .NAME.old, where Read looks too.
//
// A checkpoint has one writer at a time; readers may come at any time. The folder belongs to this package: what else
// lies in it is lost at the next Write.
package checkpoint
