// Package augment changes training images at random, as timm and torchvision do: RandAugment, colour jitter, random
// erasing, mixup and CutMix.
//
// What is random is drawn first, from a generator of the caller's, and applied then; the same decisions always give the
// same pixels.
package augment
