package main

import (
	"errors"
	"fmt"
	"strings"

	"fovea/configs"
)

// commands lists the verbs in the order in which help shows them.
func commands() []command {
	return []command{
		{"train", "fine-tune, evaluate on test, write the run folder (the default)", trainManual, runTrain},
		{"eval", "evaluate a model on labelled images, or a table of anybody's predictions", evalManual, runEval},
		{"compare", "compare results on the same images, with intervals and tests", compareManual, runCompare},
		{"predict", "classify images: probabilities as CSV or JSON lines", predictManual, runPredict},
		{"serve", "a web page and a JSON interface that classify images", serveManual, runServe},
		{"explain", "draw what a model's score of a class depends on", explainManual, runExplain},
		{"features", "write the features that a model's head reads", featuresManual, runFeatures},
		{"export", "write a model for deployment, in float16 or 8 bits, with its cost and a card", exportManual, runExport},
		{"prepare", "make a data folder of a set's official download", prepareManual, runPrepare},
		{"artifacts", "write the training artifacts, train nothing", artifactsManual, runArtifacts},
		{"differentiate", "write a model's vector-Jacobian product as a model", differentiateManual, runDifferentiate},
		{"gradcheck", "differentiate a model and compare with finite differences", gradcheckManual, runGradcheck},
		{"inspect", "tell what is in a model or a weight file, and draw it", inspectManual, runInspect},
		{"doctor", "look for what is missing on this machine and say what mends it", doctorManual, runDoctor},
		{"runtime", "fetch and verify the ONNX Runtime library", runtimeManual, runRuntime},
		{"version", "print the version", versionManual, runVersion},
	}
}

func (a *app) help(topics []string) error {
	switch {
	case len(topics) == 0:
		return helpRequest{overview()}
	case len(topics) > 1:
		return &usageError{err: errors.New("help takes one command")}
	case topics[0] == "help":
		return helpRequest{overview()}
	case topics[0] == "config":
		return helpRequest{configs.Reference}
	}
	c, err := findCommand(topics[0])
	if err != nil {
		return err
	}
	return helpRequest{c.manual}
}

func manualOf(name string) string {
	c, err := findCommand(name)
	if err != nil {
		return overview()
	}
	return c.manual
}

func overview() string {
	var list strings.Builder
	for _, c := range commands() {
		fmt.Fprintf(&list, "  %-13s %s\n", c.name, c.summary)
	}
	return fmt.Sprintf(overviewManual, list.String())
}

const overviewManual = `Fovea fine-tunes retinal image classifiers on the stock ONNX Runtime.

  trainer -config FILE [flags]       fine-tune as FILE says
  trainer COMMAND [flags]

commands:
%s  help          show this, or the manual of a command: trainer help eval
                trainer help config lists all config keys

-name and --name are the same flag. -v logs more, in every command.

exit codes: 0 done; 1 failed; 2 bad usage or config; 130 interrupted
(a checkpoint was written if training had begun).
`

const trainManual = `trainer [train] -config FILE [-config FILE ...] [-set KEY=VALUE ...] [-beside DIR ...] [-resume]

Fine-tunes the model that a config describes on the images in data.dir, which
holds train/, val/ and test/ with a folder a class. The epoch that does best on
val is evaluated on test. Everything is written to the run folder,
output.dir/name: the resolved config, the log, metrics, predictions, figures,
the inference model model.onnx and two checkpoints.

  -config FILE     TOML config; repeated, the runs follow one another, also
                   after one that fails, and a table compares them, which is
                   written to comparison.csv and comparison.md in output.dir,
                   that of the first config if they differ
  -set KEY=VALUE   override a key, as in -set schedule.epochs=20; may repeat;
                   holds for every -config
  -beside DIR      show in the table what other frameworks reached on the same
                   data sets: the files FRAMEWORK/DATASET/metrics_test.csv in
                   DIR, with any of the metrics as columns; a run's data set is
                   the last part of data.dir, or its name, in any case of
                   letters; may repeat
  -resume          continue from checkpoints/last of the run folder; a finished
                   run is only reported, one without a checkpoint starts
  -v               log more

A key comes from -set, else from the environment (FOVEA_SCHEDULE_EPOCHS), else
from the file, else from its default. "trainer help config" lists all keys.

Ctrl-C or SIGTERM finishes the current step, writes a checkpoint and exits with
130; -resume then ends with the same result as if nothing had happened. A second
signal stops at once.

examples:
  trainer -config configs/retinamnist.toml
  trainer -config configs/retinamnist.toml -set seed=1 -set name=seed1
  trainer -config configs/octid.toml -config configs/retina.toml \
          -beside configs/archive
`

const compareManual = `trainer compare A B ... [-rounds N] [-level L] [-seed N] [-json | -csv]

Shows results side by side, each measure with its interval and the best marked,
and tests each against the first: McNemar's test of accuracy (exact, and
chi-square with continuity correction), DeLong's of the AUC of each class, and
for every measure the interval of the difference, by a bootstrap that draws the
same images for both. The p values of McNemar's exact test and of DeLong's are
also given corrected for how many there are, by Holm's method; intervals are
not.

A, B ... are run folders or tables of predictions as "trainer eval -predictions"
takes them. The images must be the same, matched by path, with the same labels
and the same classes, matched by name. A row of metrics that others published,
as in configs/archive, is shown without interval and without test.

  -rounds N        bootstrap rounds (default 2000)
  -level L         confidence level of the intervals (default 0.95)
  -seed N          of the bootstrap (default 0)
  -json            write JSON to standard output
  -csv             write CSV, a line a number, to standard output
  -v               log more

examples:
  trainer compare runs/octid runs/octid-seed1
  trainer compare runs/octid theirs.csv configs/archive/paddle/OCTID
`

const prepareManual = `trainer prepare NAME SOURCE DEST [-n] [-crop [-side N]] [-any-count]

Makes the folder DEST, which data.dir of a config can name, of the official
download of a data set: train/, val/ and test/ with RETFound's class folders and
split sizes. docs/datasets.md says what to download from where.

NAME is octid, retina, aptos2019, jsiec, idrid, messidor2, papila or
glaucoma_fundus. SOURCE is the zip archive, or a folder with all that belongs to
the set; archives in it may stay packed. Images are copied byte for byte;
DEST/manifest.csv names the origin and SHA-256 of each.

The splits are the same on every run and every machine. Identical images and the
two eyes of a patient go into one split as far as the sizes permit; the report
lists exceptions. A missing or unreadable image or label, or another number of
images than published, is an error; it leaves nothing behind.

  -n, -dry-run     check all and print the report, write nothing
  -crop            remove the background of fundus photographs: the retina, in
                   the middle of a black square, as PNG
  -side N          with -crop: scale squares above N pixels down to N
                   (RETFound's own files have 256)
  -any-count       accept other numbers of images: of another release
  -v               log more

examples:
  trainer prepare octid Downloads/octid OCTID
  trainer prepare aptos2019 aptos.zip APTOS2019 -crop -side 512
`

const artifactsManual = `trainer artifacts -config FILE -out DIR [-set KEY=VALUE ...]

Writes what training on ONNX Runtime needs and trains nothing: training.onnx
(loss and gradients), eval.onnx, optimizer.onnx, model.safetensors (the
parameters at the start) and artifacts.json, which lists inputs, outputs, shapes
and decay groups. The classes are counted in data.dir.

  -config FILE     TOML config
  -out DIR         folder to write to; made if it is not there
  -set KEY=VALUE   override a key; may repeat
  -v               log more

example:
  trainer artifacts -config configs/retinamnist.toml -out artifacts
`

const doctorManual = `trainer doctor [-set KEY=VALUE ...]

Looks at the machine without changing it: where the ONNX Runtime library is, its
version and providers, processors and memory; and names what is wrong with the
command that mends it. Exit code 1 if something is.

Where NVIDIA's driver shows a GPU, or with -set runtime.provider=cuda, it tells
the GPUs with their memory, the CUDA version of the driver and of the library,
where each library of NVIDIA's was found, and whether a small model computes the
same on the first GPU as on the CPU. What keeps training from a GPU is a note
where the CPU takes its place, and wrong with runtime.provider=cuda.

  -set KEY=VALUE   override a key of the runtime section, as in
                   -set runtime.library=/opt/onnxruntime/lib; may repeat
  -v               log more
`

const runtimeManual = `trainer runtime install [-from FILE|URL]
trainer runtime install -gpu [-cuda 12|13] [-cudnn]

Fetches the ONNX Runtime library for this machine into the user's cache,
verifies it against a SHA-256 in this program, and prints its path. Training
does the same by itself when it finds no library; with one in the cache it
needs no network.

  -from FILE|URL   take the library from there instead: a shared library, a
                   Python wheel, a zip file or a .tgz of ONNX Runtime's
                   releases; for a URL of an unknown library add #sha256=HEX
  -gpu             fetch the build for NVIDIA GPUs instead, beside that for the
                   CPU, and NVIDIA's libraries that it computes with (cuBLAS,
                   cuRAND, the CUDA runtime, NVRTC), unless Python or the system
                   has them; Linux only; 0.8 GB for CUDA 13, 2 GB for CUDA 12
  -cuda 12|13      version of CUDA (default: the newest that the driver offers
                   and that has code for the GPU; 13 where there is no driver)
  -cudnn           fetch cuDNN too (0.5 GB): imported models with convolutions
                   need it on a GPU, a ViT does not; CUDA 12 comes with it
  -v               log more

-gpu fetches with pip, which only downloads, the way that pip is configured
(index, proxy, certificates); nothing is installed into Python. Interrupted, the
same command goes on with what is left. runtime.provider "cuda" then uses this
library, as does "auto" where there is a GPU. NVIDIA's libraries are looked for
in LD_LIBRARY_PATH, the cache, Python's packages and the system's folders.

FOVEA_ORT=PATH, or runtime.library in a config, names a library for one run and
installs nothing.
`

const versionManual = `trainer version

Prints the version of Fovea, of Go and of the machine's kind.
`
