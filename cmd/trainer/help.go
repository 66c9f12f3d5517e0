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
		{"eval", "evaluate an inference model on a folder of images", evalManual, runEval},
		{"artifacts", "write the training artifacts, train nothing", artifactsManual, runArtifacts},
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
		fmt.Fprintf(&list, "  %-10s %s\n", c.name, c.summary)
	}
	return fmt.Sprintf(overviewManual, list.String())
}

const overviewManual = `Fovea fine-tunes retinal image classifiers on the stock ONNX Runtime.

  trainer -config FILE [flags]       fine-tune as FILE says
  trainer COMMAND [flags]

commands:
%s  help       show this, or the manual of a command: trainer help eval
             trainer help config lists all config keys

-name and --name are the same flag. -v logs more, in every command.

exit codes: 0 done; 1 failed; 2 bad usage or config; 130 interrupted
(a checkpoint was written if training had begun).
`

const trainManual = `trainer [train] -config FILE [-config FILE ...] [-set KEY=VALUE ...] [-resume]

Fine-tunes the model that a config describes on the images in data.dir, which
holds train/, val/ and test/ with a folder a class. The epoch that does best on
val is evaluated on test. Everything is written to the run folder,
output.dir/name: the resolved config, the log, metrics, predictions, figures,
the inference model model.onnx and two checkpoints.

  -config FILE     TOML config; repeated, the runs follow one another and a
                   table compares them
  -set KEY=VALUE   override a key, as in -set schedule.epochs=20; may repeat;
                   holds for every -config
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
  trainer -config a.toml -config b.toml
`

const evalManual = `trainer eval -model FILE -data DIR [-split NAME] [-out DIR] [-batch N] [-skip-unreadable] [-set KEY=VALUE]

Evaluates an inference model that training wrote, with no config: classes,
image size and normalisation stand in the model. Prints the metrics and writes
metrics_SPLIT.csv, predictions_SPLIT.csv and confusion_matrix_SPLIT.png.

  -model FILE      model.onnx of a run folder
  -data DIR        holds the split's folder, in which a folder a class
  -split NAME      folder to evaluate (default test)
  -out DIR         folder to write to; made if it is not there
                   (default: eval beside the model)
  -batch N         images a forward pass (default 16)
  -skip-unreadable leave out images that cannot be read
  -set KEY=VALUE   override a key of the runtime section, as in
                   -set runtime.threads=1; may repeat
  -v               log more

example:
  trainer eval -model runs/octid/model.onnx -data OCTID
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

  -set KEY=VALUE   override a key of the runtime section, as in
                   -set runtime.library=/opt/onnxruntime/lib; may repeat
  -v               log more
`

const runtimeManual = `trainer runtime install [-from FILE|URL]

Fetches the ONNX Runtime library for this machine into the user's cache,
verifies it against a SHA-256 in this program, and prints its path. Training
does the same by itself when it finds no library; with one in the cache it
needs no network.

  -from FILE|URL   take the library from there instead: a shared library, a
                   Python wheel, a zip file or a .tgz of ONNX Runtime's
                   releases; for a URL of an unknown library add #sha256=HEX
  -v               log more

FOVEA_ORT=PATH, or runtime.library in a config, names a library for one run and
installs nothing.
`

const versionManual = `trainer version

Prints the version of Fovea, of Go and of the machine's kind.
`
