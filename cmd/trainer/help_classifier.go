package main

// classifierManual is of classifierFlags.
const classifierManual = `  -model FILE      model.onnx of a run folder, or any ONNX classifier of images
                   [N,3,S,S]
  -classes A,B     names of the classes, or a file with one a line
  -size S          pixels a side of what the model takes
  -crop P          part of the shorter side that stays: it is resized to
                   floor(S/P), bicubic as Pillow's, and the centre cut out
  -mean R,G,B      of pixels in [0,1], subtracted
  -std R,G,B       what is then divided by
  -input NAME      of the model, where it has several
  -output NAME     of the model, where it has several
  -scores KIND     what the output is: logits or probabilities (default:
                   probabilities behind a Softmax, else logits)
  -batch N         images a forward pass (default 16; of explain 4)
  -set KEY=VALUE   override a key of the runtime section, as in
                   -set runtime.provider=cuda; may repeat
  -v               log more
`

const classifierNote = `
The model of a run says all of that by itself. Of another, a file beside it,
MODEL.json or MODEL.toml for MODEL.onnx, can say it with the keys classes, size,
crop, mean, std, input, output and scores. A flag holds before the file, the
file before the model. crop, mean and std are never guessed.
`

const evalManual = `trainer eval -model FILE -data DIR [-split NAME | -labels FILE] [-out DIR]
             [-rounds N] [-level L] [-seed N] [-resume] [-skip-unreadable]

Evaluates a model on labelled images. Prints all measures with 95 % intervals,
by a bootstrap that draws from each class, and DeLong's for AUC, and writes
  report.html                 all of it on one page: a verdict in words,
                              measures, figures, classes, the hardest errors
  figures/                    the figures of the page as PNG and SVG, with the
                              hardest errors and the surest right answers
  predictions_SPLIT.csv       path, label, prediction, a probability a class
  metrics_SPLIT.csv           13 metrics in full precision
  metrics_SPLIT.json          all measures and classes with their intervals
  confusion_matrix_SPLIT.png
Another split in the same folder has a page and figures in the place of these.
Classes are matched by name: one that the model does not know is an error, one
that has no images is reported.

  -data DIR        holds the split's folder, in which a folder a class
  -split NAME      folder to evaluate (default test)
  -labels FILE     CSV with the columns path, relative to DIR, and label, in the
                   place of class folders; -split is then only a name
  -out DIR         folder to write to; made if it is not there
                   (default: eval beside the model)
  -rounds N        bootstrap rounds (default 2000)
  -level L         share of the distribution in an interval (default 0.95)
  -seed N          of the bootstrap (default 0)
  -skip-unreadable leave out images that cannot be read
  -resume          go on where an evaluation to the same folder was stopped or
                   killed, or failed for unreadable images; the result is the
                   same to the bit
` + classifierManual + classifierNote + `
trainer eval -predictions FILE [-labels FILE] [-data DIR] [-logits | -normalise]
             [-split NAME] [-out DIR] [-rounds N] [-level L] [-seed N]

Evaluates predictions of any program. FILE is CSV with a header: a column path
(or image, file, filename), a column label (or true, target, y_true: class names
or indices from 0), and a number a class in columns called as the class, or
prob_CLASS, p_CLASS or logit_CLASS; with a prefix, columns without it are not
read. Of two classes the second is the positive one. Prints and writes what is
said above.

  -predictions FILE  the table
  -labels FILE     CSV with columns path and label, instead of FILE's labels
  -data DIR        folder that the paths are relative to: the page then shows
                   the images of the hardest errors
  -logits          the numbers are logits: apply softmax
  -normalise       divide each row by its sum, which must be 1 otherwise

examples:
  trainer eval -model runs/octid/model.onnx -data OCTID
  trainer eval -model convnext.onnx -classes normal,amd -crop 0.875 \
          -mean 0.485,0.456,0.406 -std 0.229,0.224,0.225 \
          -data images -labels labels.csv
  trainer eval -predictions theirs.csv -labels truth.csv -logits
`

const predictManual = `trainer predict -model FILE [-format csv|jsonl] [-out FILE] [-tta VIEWS] PATH ...

Classifies images. PATH is a file, a folder, whose images at any depth are
meant, a pattern such as 'scans/*.png', or - for paths on standard input, one a
line. Writes a row an image, in this order: path, predicted, a probability a
class, and error, which says why an image has no probabilities; it does not stop
the rest.

  -format FORM     csv (default), or jsonl: a JSON object a line
  -out FILE        file to write, once all is done (default: standard output)
  -tta VIEWS       mean of the probabilities of several views: hflip (the crop
                   and its mirror image), flips (also upside down), 5crop (the
                   corners and the centre of the resized image), 10crop (also
                   their mirror images)
  -threshold CLASS=P
                   adds the column decision: a class with a threshold that its
                   probability reaches, else the most probable class without
                   one; may repeat, then the most probable that reaches its own
  -abstain P       adds the column decision: nothing where no threshold is
                   reached and the probability is below P
  -strict          exit code 1 if any image cannot be read; without it, if none
                   can
` + classifierManual + classifierNote + `
examples:
  trainer predict -model runs/octid/model.onnx scans > predictions.csv
  find scans -name '*.png' | trainer predict -model model.onnx -format jsonl -
`

const serveManual = `trainer serve -model FILE [-listen HOST:PORT] [-explain=false] [-queue N] [-max-connections N] [-max-bytes N] [-max-pixels N]

Classifies images that are dropped on a web page, and those that programs send:

  POST /predict    an image file as the body, or as a file of a form
                   (multipart/form-data); answers with JSON
  POST /explain?class=NAME
                   an image likewise; answers with a PNG, the heat map of the
                   class, without NAME of the most probable one, over what the
                   model gets of the image; docs/explain.md says what maps mean
  GET /healthz     200 while it serves
  GET /metrics     counts and times for Prometheus

Nothing that is sent is stored, and no name of a file is used. What waits is
classified in batches. Ctrl-C or SIGTERM ends it when what was sent has been
answered.

  -listen HOST:PORT
                   address (default 127.0.0.1:8080: this machine alone); there
                   is no password and no encryption: put a proxy that has them
                   in front of any other address
  -explain=false   no heat maps: they take the memory of a second model
  -queue N         images that may be under way, 8 of them for heat maps; more
                   are answered with 503 (default 256)
  -max-connections N
                   open connections; more wait (default 1024)
  -max-bytes N     largest file (default 33554432)
  -max-pixels N    largest image, told from its header before it is decoded
                   (default 40000000)
` + classifierManual + classifierNote + `
examples:
  trainer serve -model runs/octid/model.onnx
  curl --data-binary @scan.png http://127.0.0.1:8080/predict
  curl --data-binary @scan.png -o map.png http://127.0.0.1:8080/explain
`
