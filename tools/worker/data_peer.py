"""Decodes and augments images on one core as RETFound's loader does, to compare Fovea with. It speaks peer.py's
protocol.

    the first     {"dir", "size"}: dir has a folder of images for each kind
    {"kind": K}   opens every image of DIR/K with Pillow and transforms it: {"images", "cpu"}

cpu is processor time in seconds. The transform is timm's for training with RETFound's settings: random resized crop
(bicubic), horizontal flip, RandAugment, normalisation, random erasing. Pillow's wheels decode JPEG with libjpeg-turbo.
No DataLoader, no worker: one thread. Needs tools/oracle/requirements.txt.
"""

import pathlib
import random
import time

import numpy as np
import PIL
import timm
import torch
import torchvision
from PIL import features
from timm.data import create_transform
from torchvision.datasets.folder import pil_loader

from peer import serve


class Images:
    def __init__(self, job: dict) -> None:
        torch.set_num_threads(1)
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(0)
        self.transform = create_transform(job["size"], is_training=True, color_jitter=0,
                                          auto_augment="rand-m9-mstd0.5-inc1", interpolation="bicubic",
                                          re_prob=0.25, re_mode="pixel", re_count=1)
        self.kinds = {d.name: sorted(d.iterdir()) for d in pathlib.Path(job["dir"]).iterdir()}
        for paths in self.kinds.values():
            self.run(paths[:1])

    def run(self, paths: list[pathlib.Path]) -> dict:
        start = time.process_time()
        for path in paths:
            self.transform(pil_loader(path))
        return {"images": len(paths), "cpu": time.process_time() - start}

    def answer(self, request: dict) -> dict:
        return self.run(self.kinds[request["kind"]])


def versions() -> dict:
    return {
        "torchvision": torchvision.__version__, "timm": timm.__version__, "pillow": PIL.__version__,
        "libjpeg-turbo": features.version_feature("libjpeg_turbo"),
    }


if __name__ == "__main__":
    serve(Images, versions)
