"""Goldens for data/augment and for the transforms of data, from timm, torchvision and Pillow 10.2.

Run from the repository root: python tools/oracle/augment.py
Needs requirements.txt with the Pillow of augment-requirements.txt. Writes:

data/augment/testdata/ops.json      every op at six levels on four images: argument and SHA-256 of the RGB bytes
data/augment/testdata/mixture.json  AugMix with its draws forced
data/augment/testdata/pairs.json    every pair of AutoAugment's policies with its draws forced: SHA-256 of the RGB bytes
data/augment/testdata/draws.json    histograms of what timm's policies and RandomErasing draw
data/testdata/golden/squash.json  digests of timm's crop_mode "squash" before normalisation
data/testdata/golden/scans.bin      pixels of the evaluation transform of all OCT scans and of a made photograph

The images are a fundus photograph of 28 pixels, 64 of them as a mosaic, and OCT scans of 64 and 224 pixels.
"""

import hashlib
import json
import math
import pathlib
import random

import numpy as np
import PIL
import torch
from PIL import Image
from timm.data import auto_augment, random_erasing
from timm.data.transforms_factory import transforms_imagenet_eval
from torchvision import transforms as T

OUT = pathlib.Path("data/augment/testdata")
EVAL = pathlib.Path("data/testdata/golden/eval")
OCT = pathlib.Path("data/testdata/kermany_oct_mini")
FUNDUS = pathlib.Path("data/testdata/retinamnist/train")
HPARAMS = {"img_mean": (124, 116, 104), "interpolation": Image.BICUBIC, "translate_const": 100}
LEVELS = ((1, 0.25), (3.7, 0.75), (5.5, 0.3), (9, 0.8), (10, 0.1), (20, 0.9))


def images():
    tiles = [Image.open(p).convert("RGB") for p in sorted(FUNDUS.glob("*/*.png"))[:64]]
    mosaic = Image.new("RGB", (224, 224))
    for i, tile in enumerate(tiles):
        mosaic.paste(tile, (i % 8 * 28, i // 8 * 28))
    scans = {f"oct{n}": Image.open(EVAL / f).convert("RGB")
             for n, f in ((64, "oct768_64.png"), (224, "oct512_224.png"))}
    return {"fundus": tiles[0], "mosaic": mosaic} | scans


def digest(image):
    return hashlib.sha256(np.asarray(image).tobytes()).hexdigest()[:24]


def argument(name, level, u):
    """timm's argument of an op, with u for its random number."""
    kept, blurs = (random.random, random.uniform), []
    random.random, random.uniform = lambda: u, lambda a, b: a + (b - a) * u
    fn = auto_augment.LEVEL_TO_ARG[name]
    args = fn(level, HPARAMS) if fn else ()
    if name == "GaussianBlurRand":  # the only op that draws for itself: what it would blur by
        auto_augment.gaussian_blur_rand(type("", (), {"filter": lambda _, f: blurs.append(f)})(), *args)
        args = (blurs.pop().radius,)
    random.random, random.uniform = kept
    return args


def apply(name, image, args):
    name = name.removesuffix("Rand")
    return auto_augment.NAME_TO_OP[name](image, *args, fillcolor=HPARAMS["img_mean"], resample=Image.BICUBIC)


def ops():
    out, sources = [], images()
    for name in auto_augment.NAME_TO_OP:
        if name in ("TranslateX", "TranslateY"):  # of no policy
            continue
        for level, u in LEVELS if auto_augment.LEVEL_TO_ARG[name] else LEVELS[:1]:
            args = argument(name, level, u)
            for source, image in sources.items():
                out.append({"op": name, "level": level, "u": u, "argument": (args or (0,))[0], "image": source,
                            "sha256": digest(apply(name, image, args))})
    return out


def mixture():
    chains = [[("Rotate", 12.3)], [("Equalize", None), ("ShearX", -0.11)], [("Posterize", 2), ("Color", 1.4)]]
    out = []
    for shares, share in (([0.2, 0.5, 0.3], 0.6), ([0.013, 0.9, 0.087], 0.97)):
        queue = [[lambda im, n=n, a=a: apply(n, im, () if a is None else (a,)) for n, a in c] for c in chains]
        kept = np.random.dirichlet, np.random.beta, np.random.choice
        np.random.dirichlet, np.random.beta = lambda _: shares, lambda *_: share
        np.random.choice = lambda *_, **__: queue.pop(0)
        mixed = auto_augment.AugMixAugment([])(images()["mosaic"])
        np.random.dirichlet, np.random.beta, np.random.choice = kept
        steps = [[{"op": n, "argument": a or 0} for n, a in c] for c in chains]
        out.append({"chains": steps, "shares": shares, "share": share, "sha256": digest(mixed)})
    return out


def pairs():
    image, out = images()["mosaic"], []
    for policy in ("v0", "v0r", "original", "originalr"):
        for u in (0.3, 0.7):
            kept, digests = (random.random, random.choice), []
            transform = auto_augment.auto_augment_transform(policy, dict(HPARAMS))
            for chosen in transform.policy:
                random.random, random.choice = lambda: u, lambda _: chosen
                digests.append(digest(transform(image)))
            random.random, random.choice = kept
            out.append({"policy": policy, "u": u, "sha256": digests})
    return out


def policy_draws(policy, n=10_000):
    """How many ops an image gets, which, and the shear and rotation levels, with their signs, in 40 bins of +-20."""
    random.seed(1)
    np.random.seed(1)
    hparams = dict(HPARAMS, translate_pct=0.3) if policy.startswith("augmix") else dict(HPARAMS)
    make = {"rand": auto_augment.rand_augment_transform, "augmix": auto_augment.augment_and_mix_transform}
    transform = make.get(policy.split("-")[0], auto_augment.auto_augment_transform)(policy, hparams)
    applied, levels, most = [], [], {"Rotate": 30, "ShearX": 0.3, "ShearY": 0.3}

    def record(name, image, *args, **_):
        applied.append(name)
        if name in most:
            levels.append(args[0] / most[name] * 10)
        return image

    ops = transform.ops if hasattr(transform, "ops") else [o for sub in transform.policy for o in sub]
    for o in ops:
        o.aug_fn = lambda image, *args, name=o.name, **kw: record(name, image, *args, **kw)
    image, numbers = Image.new("RGB", (2, 2)), []
    for _ in range(n):
        before = len(applied)
        transform(image)
        numbers.append(len(applied) - before)
    size = np.abs(levels) if levels else np.zeros(1)
    return {
        "policy": policy, "images": n, "numbers": np.bincount(numbers, minlength=16).tolist(),
        "ops": {name: applied.count(name) for name in sorted(set(applied))},
        "levels": np.histogram(levels, 40, (-20, 20))[0].tolist(),
        "mean": float(size.mean()), "deviation": float(size.std()),
    }


def erasing_draws(count, n=10_000, side=224, bins=20):
    random.seed(2)
    sizes, erased, at = [], 0, []
    random_erasing._get_pixels = lambda _, __, size, **kw: sizes.append(size[1:]) or torch.zeros(size)
    eraser = random_erasing.RandomErasing(0.25, mode="const", max_count=count, device="cpu")
    numbers = []
    for _ in range(n):
        x, before = torch.ones(1, side, side), len(sizes)
        eraser(x)
        numbers.append(len(sizes) - before)
        if numbers[-1] == 1:
            hole = (x[0] == 0).nonzero()
            at.append((hole[0] / side).tolist())
    h, w = np.array(sizes, float).T

    def histogram(values, low, high):
        return {"low": low, "high": high, "counts": np.histogram(values, bins, (low, high))[0].tolist()}

    at = np.array(at)
    return {
        "probability": 0.25, "count": count, "images": n, "side": side,
        "numbers": np.bincount(numbers, minlength=4).tolist(),
        "histograms": {
            "area": histogram(h * w / side**2, 0, 0.35), "log_ratio": histogram(np.log(h / w), -1.3, 1.3),
            "top": histogram(at[:, 0], 0, 1), "left": histogram(at[:, 1], 0, 1),
        },
    }


def photograph(width=3000, height=2000):
    """A fundus-like picture by integers alone, which the Go test makes too."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    d = (x - 1500) ** 2 + (y - 1000) ** 2
    noise = (x * x * 31 + y * y * 17 + x * y * 7) % 29
    rgb = np.stack([90 + x // 25 + noise, 40 + y // 30 + noise, 20 + (x + y) // 100 + noise // 2], -1)
    rgb[(x * 3 + y * 5) % 160 < 9] -= 30  # vessels
    rgb[(x - 2100) ** 2 + (y - 900) ** 2 < 200**2] = (250, 220, 140)  # the optic disc
    rgb[d > 960**2] = 0
    return Image.fromarray(rgb.astype(np.uint8))


def scans():
    """1,000 pixels of each image after Resize and CenterCrop to 224."""
    transform = T.Compose([T.Resize(256, T.InterpolationMode.BICUBIC), T.CenterCrop(224)])
    at = np.arange(1000) * 9973 % (224 * 224)
    paths = [p for split in ("train", "val", "test") for p in sorted((OCT / split).glob("*/*.jpeg"))]
    assert len(paths) == 32
    sources = [Image.open(p).convert("RGB") for p in paths]
    rows = [np.asarray(transform(s)).reshape(-1, 3)[at] for s in sources + [photograph()]]
    (EVAL.parent / "scans.bin").write_bytes(b"".join(r[:, 0].tobytes() for r in rows[:-1]) + rows[-1].tobytes())


def squash():
    """timm's crop_mode "squash" for images that lie, stand and are square, also with a part cut out. Pillow 13 filters
    images that stand along the columns first, so that single levels of their pixels differ from those of Pillow 10."""
    sources = {"oct512": OCT / "test/CNV/CNV-6851127-1.jpeg", "oct768": OCT / "train/DME/DME-9583225-1.jpeg",
               "scene": EVAL / "scene.src.png", "tall": EVAL / "tall.src.png", "square": EVAL / "scene_48.png"}
    rows = []
    for name, size, crop in (
        ("oct512", 64, 1), ("oct512", 224, 0.875), ("oct768", 392, 1), ("oct768", 224, 0.9), ("oct768", 512, 1),
        ("scene", 48, 1), ("scene", 97, 1), ("scene", 131, 1), ("scene", 97, 0.96), ("tall", 64, 1), ("tall", 77, 1),
        ("tall", 33, 0.875), ("square", 64, 1), ("square", 63, 0.95),
    ):
        transform = T.Compose(transforms_imagenet_eval(
            size, crop_pct=crop, crop_mode="squash", interpolation="bicubic").transforms[:2])
        pixels = np.asarray(transform(Image.open(sources[name]).convert("RGB")))
        assert pixels.shape == (size, size, 3)
        rows.append({"source": name, "size": size, "crop": crop, "sha256": hashlib.sha256(pixels.tobytes()).hexdigest()})
    (EVAL.parent / "squash.json").write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")


def write(name, content):
    (OUT / name).write_text(json.dumps(content) + "\n")


def main():
    assert PIL.__version__.startswith("10."), PIL.__version__
    write("ops.json", ops())
    write("mixture.json", mixture())
    write("pairs.json", pairs())
    policies = ["rand-m9-mstd0.5-inc1", "rand-m7-n3-p0.7-mstd101", "rand-m15-mmax20-mstd2-inc1",
                "rand-m9-n4-mstd0.5-tweights", "rand-m5-t3a", "rand-m5-n3-mstd1-t3aw", "3a", "augmix-m5-w4-mstd1",
                "augmix-d2", "v0", "v0r-mstd1", "original-mstd0.5", "originalr", "3a-mstd0.5"]
    write("draws.json", {"policies": [policy_draws(p) for p in policies],
                         "erasing": [erasing_draws(c) for c in (1, 3)]})
    scans()
    squash()


main()
