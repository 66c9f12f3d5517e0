"""Repeats `trainer eval` of a model in Python: Pillow, torchvision, onnxruntime and scikit-learn.

    python tools/oracle/evaluation.py TRAINER MODEL.onnx DATA [--split test]
    python tools/oracle/evaluation.py TRAINER MODEL.onnx DATA --export convnext_atto

Compares each probability of predictions_SPLIT.csv (at most 1e-4 apart) and each metric of metrics_SPLIT.csv with
scikit-learn's of Python's own probabilities: those that count predicted classes must be equal, the others at most 1e-4
apart; and equal to 1e-12 with scikit-learn's of our probabilities. --export first writes MODEL.onnx and MODEL.json: a
model of timm with random weights, whose head is fitted to the training images by least squares. Run it in the
repository's root. Needs requirements.txt.
"""

import argparse
import csv
import pathlib
import subprocess
import sys
import tempfile
import json

import numpy as np
import timm
import torch
from PIL import Image
from sklearn import metrics as sk

from predictions import TOLERANCE, classify, describe, open_session, preparation

COUNTS = ["accuracy", "f1", "hamming", "jaccard", "precision", "recall", "kappa", "quadratic_kappa", "mcc"]


def export(name, data, out):
    """Writes the model, and how its images are prepared."""
    classes = sorted(p.name for p in (data / "train").iterdir() if p.is_dir())
    torch.manual_seed(0)
    model = timm.create_model(name, pretrained=False, num_classes=len(classes)).eval()
    d = {"classes": classes, "size": 224, "crop": 0.875, "mean": list(timm.data.IMAGENET_DEFAULT_MEAN),
         "std": list(timm.data.IMAGENET_DEFAULT_STD)}
    out.with_suffix(".json").write_text(json.dumps(d))
    prepare = preparation(d)
    found, targets = [], []
    with torch.no_grad():
        for k, label in enumerate(classes):
            for path in sorted((data / "train" / label).iterdir()):
                x = prepare(Image.open(path).convert("RGB"))
                found.append(model.forward_head(model.forward_features(x[None]), pre_logits=True)[0])
                targets.append(10 * torch.nn.functional.one_hot(torch.tensor(k), len(classes)).float())
        head = model.get_classifier()
        features = torch.stack(found)
        middle = features.mean(0)
        head.weight.copy_(torch.linalg.lstsq(features - middle, torch.stack(targets), driver="gelsd").solution.T)
        head.bias.copy_(-head.weight @ middle)
    torch.onnx.export(model, torch.zeros(1, 3, 224, 224), out, input_names=["input"], output_names=["logits"],
                      dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}}, dynamo=False)


def golden(labels, scores):
    """The columns of metrics_test.csv; a class without images has no AUC."""
    classes = scores.shape[1]
    names, predicted = list(range(classes)), scores.argmax(axis=1)
    truth, pred = np.eye(classes, dtype=int)[labels], np.eye(classes, dtype=int)[predicted]
    macro = {"average": "macro", "zero_division": 0}
    return {
        "val_loss": sk.log_loss(labels, scores, labels=names),
        "accuracy": sk.accuracy_score(labels, predicted),
        "f1": sk.f1_score(truth, pred, **macro),
        "roc_auc": np.mean([sk.roc_auc_score(truth[:, c], scores[:, c]) for c in names
                            if 0 < truth[:, c].sum() < len(labels)]),
        "hamming": sk.hamming_loss(truth, pred),
        "jaccard": sk.jaccard_score(truth, pred, **macro),
        "precision": sk.precision_score(truth, pred, **macro),
        "recall": sk.recall_score(truth, pred, **macro),
        "average_precision": sk.average_precision_score(truth, scores, average="macro"),
        "kappa": sk.cohen_kappa_score(labels, predicted),
        "quadratic_kappa": sk.cohen_kappa_score(labels, predicted, weights="quadratic", labels=names),
        "mcc": sk.matthews_corrcoef(labels, predicted),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trainer", type=lambda p: pathlib.Path(p).resolve())
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--export")
    args = parser.parse_args()
    if args.export:
        export(args.export, args.data, args.model)
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([args.trainer, "eval", "-model", args.model, "-data", args.data, "-split", args.split,
                        "-out", out],
                       check=True, capture_output=True)
        rows = list(csv.DictReader(open(f"{out}/predictions_{args.split}.csv", newline="")))
        ours, = csv.DictReader(open(f"{out}/metrics_{args.split}.csv", newline=""))
    d, session = describe(args.model), open_session(args.model)
    folder = args.data / args.split
    if sorted(r["path"] for r in rows) != sorted(p.relative_to(args.data).as_posix() for p in folder.glob("*/*")):
        sys.exit("other images than in the folder")
    labels = np.array([d["classes"].index(pathlib.Path(r["path"]).parts[-2]) for r in rows])
    scores = np.array([classify(session, d, args.data / r["path"], "") for r in rows])
    ourscores = np.array([[float(r[c]) for c in d["classes"]] for r in rows])
    off = np.abs(scores - ourscores).max()
    print(f"{args.model.name}: {len(rows)} images, largest difference of a probability {off:.1e}")
    bad = off > TOLERANCE
    for name, theirs in golden(labels, scores).items():
        mine, same = float(ours[name]), golden(labels, ourscores)[name]
        tolerance = 4e-15 if name in COUNTS else TOLERANCE
        good = abs(mine - same) <= 1e-12 * abs(same) + 4e-15 and abs(mine - theirs) <= tolerance
        bad |= not good
        print(f"  {name:18} ours {mine:.9f}  Python's {theirs:.9f}  of our probabilities "
              f"{mine - same:+.0e}{'' if good else '  DIFFERS'}")
    if bad:
        sys.exit("the evaluations differ")


if __name__ == "__main__":
    main()
