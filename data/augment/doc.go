// Package augment changes training images at random, as timm and torchvision do: RandAugment, colour jitter, random
// erasing, mixup and CutMix.
//
// All that is random is drawn first, from a generator of the caller's, and then applied. The same decisions always give
// the same pixels.
package augment
