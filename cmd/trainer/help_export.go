package main

const exportManual = `trainer export -model FILE [-variants fp32,fp16,int8] [-raw] [-opset N] [-data DIR] [-split NAME] [-out DIR]

Writes a classifier as model files for where it will be used, and measures on
labelled images what each costs. Writes model.onnx (fp32), model_fp16.onnx,
model_int8.onnx, README.md, a model card as the Hugging Face hub wants it, and
export.json, with all that was measured.

Each file has the outputs probabilities and, where the model has them, logits,
takes any number of images, uses standard operators only, and says in its
metadata how it wants its images: predict, eval and serve take it.

  -variants LIST   of the following (default: all)
    fp32            as it is
    fp16            weights in float16, half the file; for GPUs
    int8            weights in 8 bits, a quarter of the file; products of
                    matrices in integers, convolutions in float32
  -raw             also writes model_raw.onnx and so on, which take the image as
                   it was decoded, uint8 [height,width,3], and resize, cut out
                   and normalise it inside; predict takes them too
  -opset N         version of ONNX's operators, 13 to 25 (default: the model's,
                   with -raw at least 18)
  -data DIR        holds the split's folder, in which a folder a class (default:
                   that of the run's config, where the model is a run's)
  -split NAME      folder to measure on (default val)
  -skip-unreadable leave out images that cannot be read
  -out DIR         folder to write to; made if it is not there
                   (default: export beside the model)
` + classifierManual + classifierNote + `
A variant that loses accuracy, AUC or quadratic kappa beyond doubt has a warning
here and in the card. Without images the card says that nothing was measured.

examples:
  trainer export -model runs/octid/model.onnx
  trainer export -model convnext.onnx -data images -variants fp32,int8 -opset 17
`
