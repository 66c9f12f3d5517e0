"""Goldens for data/augment's Mixer, from timm.data.mixup.Mixup.

Run from the repository root: python tools/oracle/mix.py
Needs numpy, torch and timm. Writes data/augment/testdata/mix.json, or with timm 0.9, which RETFound uses and whose
boxes are others, mix_timm_0.9.json:

cases: what timm makes of a batch when its draws are forced. Images come from an integer formula that the Go test
repeats; of the result the SHA-256 of the float32 values is kept, and all targets.
draws: histograms of timm's own draws.
"""

import hashlib
import json
import pathlib

import numpy as np
import timm
import torch
from timm.data import mixup

OUT = pathlib.Path("data/augment/testdata")
N, SIDE, CLASSES = 6, 24, 4
LABELS = [0, 3, 1, 2, 2, 0]


def images():
    i = np.arange(N * 3 * SIDE * SIDE, dtype=np.int64)
    return torch.tensor(((i * i * 37 + i * 11) % 2003 / 500 - 2).astype(np.float32).reshape(N, 3, SIDE, SIDE))


def case(mode, lams, cutmix, integers, minmax=None, smoothing=0.1):
    m = mixup.Mixup(0.8, 1.0, cutmix_minmax=minmax, mode=mode, label_smoothing=smoothing, num_classes=CLASSES)
    m._params_per_batch = lambda: (lams[0], cutmix[0])
    m._params_per_elem = lambda n: (np.array(lams, np.float32), np.array(cutmix))
    queue = list(integers)
    randint, np.random.randint = np.random.randint, lambda low, high, size=None: queue.pop(0)
    x, target = m(images(), torch.tensor(LABELS))
    np.random.randint = randint
    assert not queue
    return {
        "mode": mode, "lambdas": lams, "cutmix": cutmix, "integers": integers, "minmax": minmax or [0, 0],
        "smoothing": smoothing, "sha256": hashlib.sha256(x.numpy().astype("<f4").tobytes()).hexdigest(),
        "targets": target.flatten().tolist(),
    }


def cases():
    """Forced integers are a box's cy, cx, or with minmax its height, width, top, left."""
    no, yes = False, True
    return [
        case("batch", [0.3], [no], []),
        case("batch", [0.987654321], [no], [], smoothing=0.0),
        case("batch", [1.0], [no], []),
        case("batch", [0.3], [yes], [12, 7]),
        case("batch", [0.77], [yes], [0, 23]),  # clipped at two sides
        case("batch", [0.999], [yes], [5, 5]),  # no box left
        case("batch", [0.0], [yes], [3, 20]),
        case("batch", [0.5], [yes], [7, 9, 2, 15], minmax=[0.2, 0.8]),
        case("pair", [0.3, 0.6, 1.0], [no, yes, no], [10, 20]),
        case("pair", [0.25, 0.9, 0.123456], [yes, no, yes], [1, 2, 23, 11]),
        case("elem", [0.3, 0.6, 1.0, 0.2, 0.7, 0.9], [no, yes, no, yes, no, yes], [3, 4, 12, 22, 8, 8]),
        case("elem", [0.5] * 6, [yes, no, yes, no, yes, no], [5, 6, 1, 2, 9, 4, 10, 3, 12, 13, 8, 0],
             minmax=[0.2, 0.8]),
    ]


def draws(n=20_000, side=224, bins=20):
    """Corrected lambdas of single images, and how many were cut, blended or left."""
    out = []
    for mix, cut, minmax, prob, switch in (
        (0.8, 0.0, None, 1.0, 0.5), (0.0, 1.0, None, 0.7, 0.5), (0.2, 1.0, None, 0.9, 0.3),
        (0.8, 0.0, (0.2, 0.8), 1.0, 0.4),
    ):
        np.random.seed(0)
        m = mixup.Mixup(mix, cut, cutmix_minmax=minmax, prob=prob, switch_prob=switch, mode="elem")
        lam, cutmix = m._params_per_elem(n)
        corrected, left, top = [], [], []
        for l, c in zip(lam, cutmix):
            if l != 1 and c:
                (yl, _, xl, _), l = mixup.cutmix_bbox_and_lam((3, side, side), l, ratio_minmax=minmax)
                left.append(xl)
                top.append(yl)
            corrected.append(float(l))
        mixed = lam != 1

        def histogram(values, high):
            return np.histogram(values, bins, (0, high))[0].tolist()

        out.append({
            "mixup": mix, "cutmix": cut, "minmax": minmax or [0, 0], "probability": prob, "switch": switch,
            "draws": n, "side": side, "counts": [int((~mixed).sum()), int((mixed & ~cutmix).sum()),
                                                 int((mixed & cutmix).sum())],
            "lambda": histogram(np.array(corrected)[mixed], 1), "left": histogram(left, side),
            "top": histogram(top, side),
        })
    return out


OUT.mkdir(parents=True, exist_ok=True)
NAME = "mix_timm_0.9.json" if timm.__version__.startswith("0.9.") else "mix.json"
(OUT / NAME).write_text(json.dumps({"cases": cases(), "draws": draws()}) + "\n")
