"""Fine-tunes exported classifiers with Fovea and runs what comes out in Python's onnxruntime.

    python tools/oracle/finetuned.py TRAINER DIR [--model resnet18 ...] [--onnx FILE ...] [--set KEY=VALUE ...]

Exports each model at random weights into DIR, or takes files that other programs exported, fine-tunes them on the OCT
scans of the repository with `TRAINER -config`, and predicts the test scans with the run's model.onnx, decoded by Pillow
and prepared by torchvision as its metadata say. Prints the largest difference from the probabilities in
predictions_test.csv, and fails above 1e-4. Run it in the repository's root. Needs requirements.txt and
imported-requirements.txt.
"""

import argparse
import csv
import json
import pathlib
import subprocess
import sys
import time

import numpy as np
import onnx
import onnxruntime
import timm
import torch
import torchvision
from PIL import Image
from torchvision import transforms

DATA = pathlib.Path("data/testdata/kermany_oct_mini")
TOLERANCE = 1e-4

# How each is exported: with an open batch by both exporters, and for one image, as exporters do unless they are asked.
MODELS = {
    "resnet18": (torchvision.models.resnet18, "torchscript"),
    "convnext_tiny": (torchvision.models.convnext_tiny, "dynamo"),
    "deit_small": (lambda: timm.create_model("deit_small_patch16_224"), "one image"),
}

CONFIG = """name = "{name}"
[data]
dir = "{data}"
[model]
onnx = "{model}"
[augment]
policy = ""
erase = 0.0
[optimizer]
lr = 1e-3
[schedule]
epochs = 3
warmup = 1
[training]
batch = 4
[output]
dir = "{out}"
"""


def export(name, path):
    torch.manual_seed(0)
    build, how = MODELS[name]
    model, image = build().eval(), torch.zeros(1 if how == "one image" else 2, 3, 224, 224)
    names = {"input_names": ["images"], "output_names": ["scores"]}
    if how == "dynamo":
        torch.onnx.export(model, (image,), path, dynamo=True, dynamic_shapes=({0: torch.export.Dim("batch")},), **names)
    elif how == "torchscript":
        torch.onnx.export(model, (image,), path, dynamo=False, dynamic_axes={"images": {0: "batch"}}, **names)
    else:
        torch.onnx.export(model, (image,), path, dynamo=False, **names)


def predict(run):
    """Probabilities by path, from nothing but model.onnx."""
    metadata = {p.key: p.value for p in onnx.load(run / "model.onnx").metadata_props}
    size, crop = int(metadata["fovea.image_size"]), float(metadata["fovea.crop_fraction"])
    prepare = transforms.Compose([
        transforms.Resize(int(size / crop), interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.CenterCrop(size),
        transforms.ToTensor(),
        transforms.Normalize(json.loads(metadata["fovea.mean"]), json.loads(metadata["fovea.std"]))])
    session = onnxruntime.InferenceSession(str(run / "model.onnx"), providers=["CPUExecutionProvider"])
    found = {}
    for path in sorted((DATA / "test").glob("*/*")):
        image = prepare(Image.open(path).convert("RGB")).unsqueeze(0).numpy()
        probabilities, = session.run(["probabilities"], {session.get_inputs()[0].name: image})
        found[path.relative_to(DATA).as_posix()] = probabilities[0]
    return json.loads(metadata["fovea.classes"]), found


def check(model, trainer, folder, settings):
    name = model.stem
    config = folder / f"{name}.toml"
    config.write_text(CONFIG.format(name=name, data=DATA, model=model, out=folder / "runs"))
    start = time.time()
    command = [trainer, "-config", config] + [word for s in settings for word in ("-set", s)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.time() - start
    run = folder / "runs" / name
    classes, found = predict(run)
    with open(run / "predictions_test.csv") as f:
        rows = list(csv.DictReader(f))
    if sorted(found) != sorted(r["path"] for r in rows):
        sys.exit(f"{name}: predictions_test.csv is not of the test scans")
    difference = max(float(np.abs([float(r[c]) for c in classes] - found[r["path"]]).max()) for r in rows)
    losses = [json.loads(line)["train_loss"] for line in open(run / "log.txt")]
    print(f"{name:24} {seconds:5.0f} s  train loss {' '.join(f'{x:.3f}' for x in losses)}  "
          f"{len(rows)} images, largest difference of a probability {difference:.1e}", flush=True)
    return difference <= TOLERANCE


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trainer", type=lambda p: pathlib.Path(p).resolve(), help="the program")
    parser.add_argument("folder", type=pathlib.Path, help="for models and runs")
    parser.add_argument("--model", nargs="*", choices=MODELS, help="all, unless there is --onnx")
    parser.add_argument("--onnx", nargs="*", type=pathlib.Path, default=[], help="files of other exporters")
    parser.add_argument("--set", nargs="*", default=[], help="settings of the runs, such as data.size=96")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    files = list(args.onnx)
    for name in args.model or ([] if files else MODELS):
        files.append(args.folder / f"{name}.onnx")
        export(name, files[-1])
    if not all([check(file, args.trainer, args.folder, args.set) for file in files]):
        sys.exit(f"a probability differs by more than {TOLERANCE}")


if __name__ == "__main__":
    main()
