package main

const explainManual = `trainer explain -model FILE [-method NAME,...] [-class NAME] [-out DIR] [-steps N] [-sanity] [-skip-unreadable] PATH ...

Draws, for each image, what the score of a class depends on. Writes N-NAME.png,
the image beside its heat maps, N-NAME.METHOD.npy, each map as it is, the first
16 images as contact_sheet.png, and explanations.csv. PATH is a file, a folder,
whose images at any depth are meant, a pattern such as 'scans/*.png', or - for
paths on standard input, one a line. docs/explain.md says what the maps mean and
what they do not.

  -method NAME,... of the following (default: relevance, or what the model has)
    rollout         attention rollout; the same for every class
    relevance       attention weighted by its gradient
    grad-cam        Grad-CAM of the last block's tokens, or of the last feature
                    map of convolutions
    gradient        gradient of the score by the image
    gradient-input  gradient times image
    integrated      integrated gradients, from the mean image
  -class NAME      class to explain (default: the one predicted)
  -out DIR         folder to write to; made if it is not there
                   (default: explanations)
  -steps N         gradients along the line of integrated (default 32), doubled
                   up to four times until the map adds up to the difference of
                   the scores of the image and the mean image within 0.1 %
  -sanity          compare each map with that of the same model with shuffled
                   weights: the rank correlation in the table should be near 0
  -skip-unreadable leave out images that cannot be read
` + classifierManual + classifierNote + `
It runs on the CPU. Methods that read attention need a model with tokens of the
whole image, as a ViT has; any model must be one that can be differentiated.

examples:
  trainer explain -model runs/octid/model.onnx -method relevance OCTID/test
  trainer explain -model convnext.onnx -classes normal,amd -crop 0.875 \
          -mean 0.485,0.456,0.406 -std 0.229,0.224,0.225 scans
`

const featuresManual = `trainer features -model FILE -out F.csv|F.npy [-pca FILE] [-skip-unreadable] PATH ...

Writes what the model's head reads of each image: for a ViT the pooled,
normalised tokens. PATH is as for trainer explain.

  -out F.csv       columns path, label, feature_0 and on; label is the name of
                   the image's folder if that is a class, else empty
  -out F.npy       float32 [images,features] for NumPy; path and label of its
                   rows in F.csv
  -pca FILE        draw the first two principal components as PNG, of at most
                   2,000 images spread evenly over all
  -skip-unreadable leave out images that cannot be read
` + classifierManual + classifierNote + `
It runs on the CPU.

example:
  trainer features -model runs/octid/model.onnx -out octid.npy OCTID/test
`
