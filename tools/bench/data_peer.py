"""Decoding and augmentation as RETFound's loader does it, on one core: what Fovea's is measured against.

    python tools/bench/data_peer.py --dir DIR --size 224

DIR holds a folder of images for each kind. Prints "ready", then reads lines from standard input:

    KIND    opens every image of DIR/KIND with Pillow and transforms it, prints {"images", "cpu"}
    quit    prints {"versions": …} and ends

cpu is processor time in seconds. The transform is timm's for training with RETFound's settings: random resized crop
(bicubic), horizontal flip, RandAugment, normalisation, random erasing. Pillow's wheels decode JPEG with libjpeg-turbo. No
DataLoader, no worker: one thread. Needs tools/oracle/requirements.txt.
"""

import argparse
import json
import pathlib
import random
import sys
import time

import numpy as np
import PIL
import timm
import torch
import torchvision
from PIL import features
from timm.data import create_transform
from torchvision.datasets.folder import pil_loader


def run(transform, paths: list[pathlib.Path]) -> dict:
    start = time.process_time()
    for path in paths:
        transform(pil_loader(path))
    return {"images": len(paths), "cpu": time.process_time() - start}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    parser.add_argument("--size", type=int, default=224)
    options = parser.parse_args()
    torch.set_num_threads(1)
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    transform = create_transform(options.size, is_training=True, color_jitter=0,
                                 auto_augment="rand-m9-mstd0.5-inc1", interpolation="bicubic",
                                 re_prob=0.25, re_mode="pixel", re_count=1)
    kinds = {d.name: sorted(d.iterdir()) for d in options.dir.iterdir()}
    for paths in kinds.values():
        run(transform, paths[:1])
    print("ready", flush=True)
    for line in sys.stdin:
        command = line.strip()
        if command == "quit":
            break
        if command not in kinds:
            sys.exit(f"unknown command {command!r}: want one of {', '.join(kinds)} or quit")
        print(json.dumps(run(transform, kinds[command])), flush=True)
    print(json.dumps({"versions": {
        "torchvision": torchvision.__version__, "timm": timm.__version__, "pillow": PIL.__version__,
        "libjpeg-turbo": features.version_feature("libjpeg_turbo"),
    }}), flush=True)


if __name__ == "__main__":
    main()
