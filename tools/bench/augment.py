"""Time of timm's transform for training, the peer of BenchmarkRecipe and BenchmarkOps, on one core.

Run from the repository root: python tools/bench/augment.py
Needs numpy, torch, torchvision, timm and Pillow. Compare with
go test ./data/... -run - -bench 'Recipe|Ops' -cpu 1
"""

import random
import time

import numpy as np
import PIL
import torch
from PIL import Image
from timm.data import auto_augment, create_transform

torch.set_num_threads(1)
SCAN = "data/testdata/kermany_oct_mini/test/CNV/CNV-6851127-1.jpeg"
FILL = (124, 116, 104)


def measure(name, call, n):
    call()
    start = time.process_time()
    for _ in range(n):
        call()
    each = (time.process_time() - start) / n
    print(f"{name:<24}{1e3 * each:8.3f} ms {1 / each:9.0f} images/s")


def main():
    print("Pillow", PIL.__version__, "torch", torch.__version__)
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(0)
    image = Image.open(SCAN).convert("RGB")
    base = {"input_size": 224, "is_training": True, "interpolation": "bicubic", "color_jitter": None}
    policy = {"auto_augment": "rand-m9-mstd0.5-inc1"}
    erase = {"re_prob": 0.25, "re_mode": "pixel", "re_count": 1}
    for name, options in (
        ("crop", {"hflip": 0}), ("crop+flip", {}), ("crop+flip+policy", policy),
        ("crop+flip+jitter", {"color_jitter": 0.4}), ("full", policy | erase),
    ):
        transform = create_transform(**base | options)
        measure(name, lambda: transform(image), 400)
    small = image.resize((224, 224))
    for name, op in auto_augment.NAME_TO_OP.items():
        to_args = auto_augment.LEVEL_TO_ARG[name]
        args = to_args(9, {"translate_const": 100}) if to_args else ()
        measure(name, lambda: op(small, *args, fillcolor=FILL, resample=Image.BICUBIC), 100)


main()
