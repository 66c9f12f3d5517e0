"""Compares the probabilities of `trainer predict` with those of Python's onnxruntime.

    python tools/oracle/predictions.py TRAINER MODEL.onnx FOLDER [--tta VIEWS]
    python tools/oracle/predictions.py --golden inference/testdata/golden.json

Prepares the images below FOLDER with Pillow and torchvision as the model's metadata, or MODEL.json beside it, say.
Prints the largest difference and fails above 1e-4. With --golden it writes what the tests of package inference compare
with. Run it in the repository's root. Needs requirements.txt.
"""

import argparse
import csv
import io
import json
import pathlib
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image
from torchvision import transforms
from torchvision.transforms import functional

TOLERANCE = 1e-4
GOLDEN_MODEL = pathlib.Path("models/imported/testdata/cnn_torchscript17.onnx")
GOLDEN_DESCRIPTION = {"classes": ["a", "b", "c", "d", "e"], "size": 20, "crop": 0.8, "mean": [0.5, 0.4, 0.3],
                      "std": [0.2, 0.3, 0.4]}
GOLDEN_IMAGES = pathlib.Path("data/testdata/kermany_oct_mini/test")
VIEWS = ["", "hflip", "flips", "5crop", "10crop"]


def describe(model):
    beside = model.with_suffix(".json")
    if beside.exists():
        return json.loads(beside.read_text())
    metadata = {p.key: p.value for p in onnx.load(model, load_external_data=False).metadata_props}
    return {key: json.loads(metadata[f"fovea.{name}"]) for key, name in
            {"classes": "classes", "size": "image_size", "crop": "crop_fraction", "mean": "mean",
             "std": "std"}.items()} | {
                "output": "logits"}


def views(resized, size, kind):
    """The crops of a resized image, as Pillow images or tensors."""
    if kind in ("5crop", "10crop"):
        crops = functional.five_crop(resized, size)
    else:
        crops = [functional.center_crop(resized, size)]
    out = list(crops)
    if kind in ("hflip", "10crop"):
        out += [functional.hflip(c) for c in crops]
    if kind == "flips":
        out += [functional.hflip(out[0]), functional.vflip(out[0]), functional.vflip(functional.hflip(out[0]))]
    return out


def resize(d):
    return transforms.Resize(int(d["size"] / d["crop"]), interpolation=transforms.InterpolationMode.BICUBIC)


def to_tensor(d):
    return transforms.Compose([transforms.ToTensor(), transforms.Normalize(d["mean"], d["std"])])


def preparation(d):
    """Of a Pillow image."""
    return transforms.Compose([resize(d), transforms.CenterCrop(d["size"]), to_tensor(d)])


def classify(session, d, path, kind):
    size, prepare = d["size"], to_tensor(d)
    resized = resize(d)(Image.open(path).convert("RGB"))
    found = []
    for view in views(resized, size, kind):
        scores, = session.run([d.get("output") or session.get_outputs()[0].name],
                              {session.get_inputs()[0].name: prepare(view).unsqueeze(0).numpy()})
        found.append(torch.tensor(scores[0]).double().softmax(0).numpy())
    return np.mean(found, axis=0)


def open_session(model):
    return onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])


def golden(out):
    session = open_session(GOLDEN_MODEL)
    classes = session.get_outputs()[0].shape[1]
    description = GOLDEN_DESCRIPTION | {"classes": GOLDEN_DESCRIPTION["classes"][:classes]}
    images = [p for folder in sorted(GOLDEN_IMAGES.iterdir()) for p in sorted(folder.iterdir())[:2]]
    rows = {kind: {p.as_posix(): [float(f"{x:.9g}") for x in classify(session, description, p, kind)] for p in images}
            for kind in VIEWS}
    out.write_text(json.dumps({"model": GOLDEN_MODEL.as_posix(), "description": description, "views": rows}, indent=1)
                   + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trainer", nargs="?", type=lambda p: pathlib.Path(p).resolve())
    parser.add_argument("model", nargs="?", type=pathlib.Path)
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("--tta", default="", choices=VIEWS)
    parser.add_argument("--golden", type=pathlib.Path)
    args = parser.parse_args()
    if args.golden:
        golden(args.golden)
        return
    command = [args.trainer, "predict", "-model", args.model] + (["-tta", args.tta] if args.tta else []) + [args.folder]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    d, session = describe(args.model), open_session(args.model)
    rows = list(csv.DictReader(io.StringIO(table)))
    differences = []
    for r in rows:
        probabilities = np.array([float(r[c]) for c in d["classes"]])
        differences.append(np.abs(probabilities - classify(session, d, r["path"], args.tta)).max())
    print(f"{args.model.name} {args.tta}: {len(rows)} images, largest difference of a probability "
          f"{max(differences):.1e}")
    if max(differences) > TOLERANCE:
        sys.exit(f"a probability differs by more than {TOLERANCE}")


if __name__ == "__main__":
    main()
