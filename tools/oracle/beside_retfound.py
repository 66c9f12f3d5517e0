"""RETFound's own main_finetune.py beside recipe = "retfound".

    beside_retfound.py --retfound DIR --trainer FILE [--cases a,b] [--seeds N] [--keep DIR]

DIR is a checkout of github.com/rmaphoh/RETFound, commit ae9a9ec of November 2025. Its licence does not let it be copied
here. FILE is Fovea's program. The packages are those of RETFound's requirements.txt, with PyTorch for the CPU, see
retfound-requirements.txt.

The cases have randomness off. It prints the largest difference of the losses and metrics of all epochs and of the test,
and fails above 1e-6, or where TensorBoard has other tags or steps. --seeds compares N runs a side instead, from the seeds
0 to N-1, with all that is random on: it fails if a measure has a p below 0.01 (Mann-Whitney, after Holm).

No file of RETFound is changed. From outside, this script
  * makes RETFound_mae a small model. With randomness off it begins with the parameters that `trainer artifacts` writes,
    and timm's create_transform crops the whole image and does not flip, which main_finetune.py has no flags for,
  * lets torch.cuda.synchronize do nothing, since the code calls it on the CPU too,
  * writes no picture of the confusion matrix.
All else is set by flags and keys. The images are synthetic.
"""

import argparse
import builtins
import contextlib
import csv
import functools
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

TOLERANCE = 1e-6
SIDE, CLASSES = 40, 3
MODEL = {"patch": 8, "width": 48, "depth": 2, "heads": 3}
COUNTS = {"train": 16, "val": 17, "test": 19}  # images of a class


@dataclass
class Case:
    flags: list[str] = field(default_factory=list)  # of main_finetune.py
    keys: list[str] = field(default_factory=list)  # of the trainer


COMMON = Case(
    ["--model", "RETFound_mae", "--device", "cpu", "--num_workers", "0", "--input_size", "32", "--nb_classes", str(CLASSES),
     "--blr", "3e-2", "--epochs", "6", "--warmup_epochs", "2"],
    ['recipe="retfound"', "data.size=32", 'model.arch="vit_tiny_patch16"', 'data.order="retfound_fixed"',
     "optimizer.blr=3e-2", "schedule.epochs=6", "schedule.warmup=2", 'evaluation.probabilities="fp32"',
     'runtime.provider="cpu"', "runtime.threads=1"] + [f"model.{k}={v}" for k, v in MODEL.items()],
)
OFF = Case(
    ["--drop_path", "0", "--aa", "", "--reprob", "0"],
    ["model.drop_path=0", 'augment.policy=""', "augment.erase=0", "augment.crop_scale=[1, 1]", "augment.crop_ratio=[1, 1]",
     "augment.horizontal_flip=0"],
)
RANDOM = Case(["--batch_size", "8", "--mixup", "0.8", "--cutmix", "1"],
              ["training.batch=8", "augment.mixup=0.8", "augment.cutmix=1"])
MEASURES = ("val_loss", "accuracy", "f1", "roc_auc", "average_precision", "kappa")

CASES = {
    "plain": Case(["--batch_size", "8"], ["training.batch=8"]),
    "accumulated": Case(["--batch_size", "4", "--accum_iter", "3", "--clip_grad", "1", "--layer_decay", "0.8"],
                        ["training.batch=4", "training.accumulate=3", "optimizer.clip=1", "optimizer.layer_decay=0.8"]),
    "half": Case(["--batch_size", "6", "--dataratio", "0.5", "--seed", "3", "--lr", "2e-3"],
                 ["training.batch=6", "data.ratio=0.5", "seed=3", "optimizer.lr=2e-3", "optimizer.blr=0"]),
    "stratified": Case(["--batch_size", "6", "--dataratio", "0.6", "--stratified", "--weight_decay", "0.3"],
                       ["training.batch=6", "data.ratio=0.6", "data.stratified=true", "optimizer.weight_decay=0.3"]),
    "cls_token": Case(["--batch_size", "8", "--cls_token"], ["training.batch=8", 'model.pool="cls"']),
}


def make_images(folder: pathlib.Path) -> None:
    """Noise with a pattern of the class, which a few epochs learn in part: scores of two epochs must not be alike, since
    scikit-learn's rounding would then decide which epoch RETFound tests."""
    rng = np.random.default_rng(0)
    patterns = np.kron(rng.normal(0, 16, (CLASSES, 4, 4, 3)), np.ones((1, SIDE // 4, SIDE // 4, 1)))
    for split, n in COUNTS.items():
        for label in range(CLASSES):
            to = folder / split / f"class{label}"
            to.mkdir(parents=True)
            for i in range(n):
                pixels = 128 + patterns[label] + rng.normal(0, 60, (SIDE, SIDE, 3))
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(to / f"{i}.png")


def run_fovea(trainer: pathlib.Path, work: pathlib.Path, keys: list[str], *commands: str) -> None:
    work.mkdir()
    config = work / "small.toml"
    all_keys = [f'data.dir="{work.parent / "images"}"', f'output.dir="{work}"', *COMMON.keys, *keys]
    config.write_text("\n".join(['name="fovea"', *{k.split("=")[0]: k for k in all_keys}.values()]) + "\n")
    for command in commands:
        out = ["-out", work / "start"] if command == "artifacts" else []
        done = subprocess.run([trainer, command, "-config", config, *out], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"trainer {command}: {done.stderr[-3000:]}")


def run_retfound(source: pathlib.Path, folder: pathlib.Path, runs: list[str]) -> None:
    """Runs RETFound's code for cases or seeds. This is a process of its own, see main."""
    os.environ["MPLBACKEND"] = "Agg"
    sys.path.insert(0, str(source))
    sys.dont_write_bytecode = True
    import torch
    from safetensors.torch import load_file

    torch.set_num_threads(1)
    torch.cuda.synchronize = lambda *_: None
    import engine_finetune
    import main_finetune
    import models_vit
    import util.datasets

    engine_finetune.ConfusionMatrix.plot = lambda *_, **__: None
    engine_finetune.plt.savefig = lambda *_, **__: None
    create_transform, plain_print = util.datasets.create_transform, builtins.print
    for run in runs:
        work, case = folder / run, CASES.get(run)
        flags = case.flags + OFF.flags if case else RANDOM.flags + ["--seed", run]
        whole = {"scale": (1.0, 1.0), "ratio": (1.0, 1.0), "hflip": 0.0} if case else {}
        util.datasets.create_transform = functools.partial(create_transform, **whole)

        def small(**options: object) -> torch.nn.Module:
            model = models_vit.VisionTransformer(
                patch_size=MODEL["patch"], embed_dim=MODEL["width"], depth=MODEL["depth"], num_heads=MODEL["heads"],
                mlp_ratio=4, qkv_bias=True, norm_layer=functools.partial(torch.nn.LayerNorm, eps=1e-6), **options)
            if case:
                model.load_state_dict(load_file(work / "start" / "model.safetensors"), strict=True)
            return model

        models_vit.RETFound_mae = small
        builtins.print = plain_print  # RETFound's code wraps it, twice as slow for each run
        random.seed(run)  # which main_finetune.py does not
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            args = main_finetune.get_args_parser().parse_args(
                [*COMMON.flags, "--data_path", str(folder / "images"), "--output_dir", str(work), "--log_dir",
                 str(work / "logs"), "--task", "retfound", *flags])
            main_finetune.main(args, torch.nn.CrossEntropyLoss())


def rows(path: pathlib.Path) -> list[dict[str, float]]:
    with open(path, newline="") as f:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(f)]


def log(path: pathlib.Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def events(folder: pathlib.Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    e = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    e.Reload()
    return {tag: [(s.step, s.value) for s in e.Scalars(tag)] for tag in e.Tags()["scalars"]}


def compare(name: str, work: pathlib.Path, accumulated: bool) -> bool:
    ours, theirs = work / "fovea", work / "retfound"
    worst: dict[str, float] = {}

    def see(what: str, a: float, b: float) -> None:
        worst[what] = max(worst.get(what, 0), abs(a - b))

    for file, read in (("metrics_val.csv", rows), ("metrics_test.csv", rows), ("log.txt", log)):
        got, want = read(ours / file), read(theirs / file)
        assert len(got) == len(want), f"{name}: {file} has {len(got)} rows, RETFound's {len(want)}"
        for g, w in zip(got, want):
            for key in w:
                see(f"{file} {key}", g[key], w[key])
    got, want, ok = events(ours / "tensorboard"), events(work / "logs" / "retfound"), True
    for tag in want:
        if accumulated and tag in ("loss/train", "lr"):
            continue  # RETFound shows the last batch of a step there, Fovea the step
        if [s for s, _ in got.get(tag, [])] != [s for s, _ in want[tag]]:
            print(f"{name}: TensorBoard's {tag} is at {got.get(tag)}, RETFound's at {want[tag]}")
            ok = False
            continue
        for (_, g), (_, w) in zip(got[tag], want[tag]):
            see(f"tensorboard {tag}", g, w)
    first, last = log(theirs / "log.txt")[0], log(theirs / "log.txt")[-1]
    scores = [(r["accuracy"], r["roc_auc"]) for r in rows(theirs / "metrics_val.csv")]
    print(f"{name}: {len(scores)} epochs, train loss {first['train_loss']:.4f} to {last['train_loss']:.4f}, accuracy"
          f" {scores[0][0]:.3f} to {scores[-1][0]:.3f}, AUC {scores[0][1]:.3f} to {scores[-1][1]:.3f};"
          f" {len(worst)} series")
    for what in sorted(worst, key=worst.get)[-3:]:
        print(f"    {what:32} differs by at most {worst[what]:.1e}")
    return ok and all(w <= TOLERANCE for w in worst.values())  # false for NaN


def distributions(folder: pathlib.Path, seeds: list[str]) -> bool:
    """Compares the measures of many seeds a side, of the last epoch and of the test, by rank."""
    from scipy.stats import mannwhitneyu

    def measure(run: pathlib.Path) -> dict[str, float]:
        val, test = rows(run / "metrics_val.csv")[-1], rows(run / "metrics_test.csv")[0]
        return ({"train_loss": log(run / "log.txt")[-1]["train_loss"]} | {f"val {m}": val[m] for m in MEASURES}
                | {f"test {m}": test[m] for m in MEASURES})

    ours, theirs = ([measure(folder / s / side) for s in seeds] for side in ("fovea", "retfound"))
    p = {m: mannwhitneyu([x[m] for x in ours], [x[m] for x in theirs]).pvalue for m in ours[0]}
    adjusted, least = {}, 0.0
    for i, m in enumerate(sorted(p, key=p.get)):
        least = max(least, min(1.0, (len(p) - i) * p[m]))
        adjusted[m] = least
    for m in p:
        a, b = ([x[m] for x in side] for side in (ours, theirs))
        print(f"{m:22} Fovea {np.mean(a):.4f} ± {np.std(a, ddof=1):.4f}, RETFound {np.mean(b):.4f} ±"
              f" {np.std(b, ddof=1):.4f}, p {p[m]:.3f}, after Holm {adjusted[m]:.3f}")
    return all(x >= 0.01 for x in adjusted.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--retfound", type=pathlib.Path, required=True, metavar="DIR", help="RETFound's source")
    parser.add_argument("--trainer", type=pathlib.Path, required=True, metavar="FILE", help="Fovea's program")
    parser.add_argument("--cases", default=",".join(CASES), help="names, separated by commas")
    parser.add_argument("--seeds", type=int, help="compare so many seeds a side, with all that is random on")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR", help="work in this new folder and keep it")
    parser.add_argument("--only-retfound", metavar="RUNS", help=argparse.SUPPRESS)  # how this script calls itself
    options = parser.parse_args()
    source, trainer = options.retfound.resolve(), options.trainer.resolve()
    if options.only_retfound:
        run_retfound(source, options.keep, options.only_retfound.split(","))
        return
    with contextlib.ExitStack() as stack:
        folder = (options.keep or pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))).resolve()
        make_images(folder / "images")
        runs = list(map(str, range(options.seeds))) if options.seeds else options.cases.split(",")
        for run in runs:
            if options.seeds:
                run_fovea(trainer, folder / run, [*RANDOM.keys, f"seed={run}"], "train")
            else:
                run_fovea(trainer, folder / run, OFF.keys + CASES[run].keys, "artifacts", "train")
        done = subprocess.run([sys.executable, __file__, "--retfound", source, "--trainer", trainer, "--keep", folder,
                               "--only-retfound", ",".join(runs)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"RETFound's code fails:\n{done.stderr[-3000:]}")
        if options.seeds:
            ok = distributions(folder, runs)
        else:
            ok = all([compare(run, folder / run, "accumulate" in " ".join(CASES[run].keys)) for run in runs])
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
