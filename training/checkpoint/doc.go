// Package checkpoint keeps a training run's state in a folder: parameters in model.safetensors, the optimizer's moments
// in optimizer.safetensors, and the rest in state.json with the format's version and the size and CRC-32C of the two
// others.
//
// [Write] replaces a checkpoint as a whole. Whatever happens in between, be it a full disk, kill -9 or a power failure,
// [Read] finds the earlier checkpoint or the new one, complete and verified. Where the system can exchange two folders
// in one step (Linux), a complete folder stands under the checkpoint's name at all times. Elsewhere the earlier one is
// called .NAME.old for a moment, where Read looks too.
//
// A checkpoint has one writer at a time; readers may come at any time. The folder belongs to this package: the next
// Write removes other files in it.
package checkpoint
