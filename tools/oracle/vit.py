"""Losses and gradients of RETFound's ViT by PyTorch autograd: goldens for graphs/artifacts.

    vit.py                writes graphs/artifacts/testdata/vit_*.json.gz and prints PyTorch's own noise
    vit.py --full DIR     compares every entry of the gradients in DIR/CASE.safetensors (NAME.grad for each
                          parameter; loss and logits where present) and fails above the tolerances
    vit.py --cases a,b    only these cases

Needs requirements.txt. What the files hold: graphs/artifacts/testdata/README.md.
"""

import argparse
import gzip
import json
import math
import pathlib
import sys
import zlib
from dataclasses import asdict

import numpy as np
import timm
import torch
from safetensors.numpy import load_file

import vit_random
from vit_model import Config, build, gradients, ours

TESTDATA = pathlib.Path(__file__).resolve().parents[2] / "graphs" / "artifacts" / "testdata"

CASES = {
    "vit_tiny_mean": Config(28, 4, 64, 3, 2, 5, 4, "mean"),
    "vit_tiny_mean_twice": Config(28, 4, 64, 3, 2, 5, 4, "mean", fc_norm_twice=True),
    "vit_tiny_cls": Config(28, 4, 64, 3, 2, 5, 4, "cls"),
    "vit_tiny_dinov2": Config(28, 14, 64, 3, 2, 5, 4, "cls", layer_scale=True),
    "vit_ti16": Config(224, 16, 192, 12, 3, 5, 2, "mean"),
    "vit_l16_2blocks": Config(224, 16, 1024, 2, 16, 5, 2, "mean"),
    "vit_form_registers": Config(28, 7, 32, 2, 2, 3, 2, "norm_mean", layer_scale=True, registers=4,
                                 positions="patches"),
    "vit_form_dinov3": Config(28, 7, 32, 2, 2, 3, 2, "cls", layer_scale=True, registers=4, positions="rotary",
                              bias="no_key", epsilon=1e-5),
    "vit_form_dinov3_plus": Config(42, 7, 32, 2, 2, 3, 2, "cls_mean", layer_scale=True, registers=4,
                                   positions="rotary", mlp="swiglu", bias="no_key", epsilon=1e-5),
    "vit_form_giant": Config(28, 7, 32, 2, 2, 3, 2, "attention", layer_scale=True, mlp="swiglu", hidden=88),
    "vit_form_clip": Config(28, 7, 32, 2, 2, 3, 2, "cls", mlp="quick_gelu", pre_norm=True, epsilon=1e-5),
    "vit_form_mirage": Config(28, 7, 32, 5, 2, 3, 2, "cls_last4", positions="patches", grey=True),
}
LOSS_SCALE = 8.0
DROP_PATH = 0.4  # rate of the last block: high, so that few samples and blocks see some branches dropped
POSITIONS = 96  # gradient entries kept for a tensor
FORM_POSITIONS = 16  # where the models differ from one another, not the tensors from case to case
PROJECTIONS = 4
GRADIENT_TOLERANCE = 1e-4  # of the tensor's largest entry
LOSS_TOLERANCE = 1e-5  # relative


def rules(c: Config) -> list[dict]:
    """How each tensor is drawn: the first rule whose suffix ends the name. The spread of a matrix makes its output's
    standard deviation about gain times its input's, so that activations keep their size at every width. qkv has
    the largest gain: its attention is then far from uniform and far from one-hot."""

    def matrix(suffix: str, fan_in: int, gain: float) -> dict:
        return {"suffix": suffix, "center": 0.0, "spread": round(gain * math.sqrt(3 / fan_in), 4)}

    def vector(suffix: str, center: float, spread: float) -> dict:
        return {"suffix": suffix, "center": center, "spread": spread}

    norms = ["norm1", "norm2", "norm"] + ["norm_pre"] * c.pre_norm
    return [
        vector("images", 0.0, 2.0),
        vector("cls_token", 0.0, 0.05),
        vector("pos_embed", 0.0, 0.05),
        *([vector("reg_token", 0.0, 0.05)] if c.registers else []),
        matrix("patch_embed.proj.weight", (1 if c.grey else 3) * c.patch**2, 0.6),
        matrix("attn.qkv.weight", c.width, 1.2),
        matrix("attn.proj.weight", c.width, 0.7),
        matrix("mlp.fc1.weight", c.width, 0.7),
        matrix("mlp.fc2.weight", c.hidden or 4 * c.width, 0.7),
        *([vector("attn_pool.latent", 0.0, 0.5), matrix("attn_pool.q.weight", c.width, 1.2),
           matrix("attn_pool.kv.weight", c.width, 1.2), matrix("attn_pool.proj.weight", c.width, 0.7)]
          if c.pool == "attention" else []),
        vector("head.weight", 0.0, 0.2),
        *(vector(f"{n}.weight", 1.0, 0.2) for n in norms),
        *(vector(f"{n}.bias", 0.0, 0.1) for n in norms),
        vector(".bias", 0.0, 0.05),
        *([vector("_bias", 0.0, 0.05)] if c.bias else []),
        *([vector(".gamma", 0.5, 0.4)] if c.layer_scale else []),
    ]


def draw(table: list[dict], name: str, shape: list[int]) -> np.ndarray:
    rule = next(r for r in table if name.endswith(r["suffix"]))
    return vit_random.fill(name, math.prod(shape), rule["center"], rule["spread"]).reshape(shape)


def soft_targets(c: Config) -> np.ndarray:
    """Rows of probabilities in multiples of 2**-20, so that a row's float32 sum is exactly 1 in any order. [B,C]"""
    z = vit_random.fill("targets", c.batch * c.classes, 0, 2).reshape(c.batch, c.classes).astype(np.float64)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    p = np.round(p * 2**20) / 2**20
    rows = np.arange(c.batch)
    p[rows, p.argmax(axis=1)] += 1 - p.sum(axis=1)
    return p.astype(np.float32)


def drop_path_factors(c: Config) -> np.ndarray:
    """0 or 1/keep; block i keeps with 1 - DROP_PATH*i/(depth-1). [2*depth,B]"""
    keep = 1 - np.repeat(np.linspace(0, DROP_PATH, c.depth), 2)[:, None]
    u = vit_random.unit("drop_path", 2 * c.depth * c.batch).reshape(2 * c.depth, c.batch)
    return np.where(u < keep, 1 / keep, 0).astype(np.float32)


class Case:
    """A model's inputs, its float32 results, and how far they lie from the same computation in float64."""

    def __init__(self, name: str) -> None:
        self.name, self.config = name, CASES[name]
        self.rules = rules(self.config)
        with torch.device("meta"):
            shapes = {n: list(p.shape) for n, p in ours(dict(build(self.config).named_parameters())).items()}
        c = self.config
        self.parameters = {n: draw(self.rules, n, s) for n, s in shapes.items()}
        self.images = draw(self.rules, "images", [c.batch, 3, c.image, c.image])
        self.targets, self.drop_path = soft_targets(c), drop_path_factors(c)
        arguments = self.parameters, self.images, self.targets, self.drop_path, LOSS_SCALE
        self.loss, self.logits, self.gradients = gradients(c, torch.float32, *arguments)
        self.loss64, self.logits64, exact = gradients(c, torch.float64, *arguments)
        self.noise = {n: error(g, exact[n]) for n, g in self.gradients.items()}

    def golden(self) -> dict:
        positions = FORM_POSITIONS if self.name.startswith("vit_form") else POSITIONS
        return {
            "case": self.name,
            "versions": {"torch": torch.__version__, "timm": timm.__version__, "numpy": np.__version__},
            "config": asdict(self.config),
            "rules": self.rules,
            "loss_scale": LOSS_SCALE,
            "targets": short(self.targets),
            "drop_path": short(self.drop_path),
            "inputs": [describe_input("images", self.images), *(describe_input(*p) for p in self.parameters.items())],
            "loss": short(self.loss)[0],
            "loss_float64": self.loss64,
            "logits": short(self.logits),
            "gradients": [describe(n, g, self.noise[n], positions) for n, g in self.gradients.items()],
        }


def error(got: np.ndarray, want: np.ndarray) -> float:
    """Largest difference as a part of want's largest entry."""
    return float(np.abs(got.astype(np.float64) - want).max() / np.abs(want).max())


def short(values) -> list[float]:
    """The shortest decimals that read back as these float32 values."""
    return [float(str(v)) for v in np.asarray(values, dtype=np.float32).reshape(-1)]


def describe_input(name: str, v: np.ndarray) -> dict:
    return {
        "name": name, "shape": list(v.shape), "first": short(v.reshape(-1)[:4]),
        "crc32": zlib.crc32(v.astype("<f4").tobytes()), "projection": vit_random.projection(name, 0, v),
    }


def describe(name: str, v: np.ndarray, noise: float, positions: int) -> dict:
    """What a golden file keeps of a tensor: its size, projections of all of it and some entries."""
    flat, wide = v.reshape(-1), v.reshape(-1).astype(np.float64)
    where = vit_random.positions(name, flat.size, positions, int(np.abs(flat).argmax()))
    return {
        "name": name, "shape": list(v.shape), "max": short(np.abs(flat).max())[0], "l2": float(np.linalg.norm(wide)),
        "sum": float(wide.sum()), "noise": float(f"{noise:.3g}"),
        "projections": [vit_random.projection(name, k, v) for k in range(PROJECTIONS)],
        "positions": where, "values": short(flat[where]),
    }


def write(case: Case) -> None:
    text = json.dumps(case.golden(), separators=(",", ":"))
    path = TESTDATA / f"{case.name}.json.gz"
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    worst = max(case.noise, key=case.noise.get)
    largest = [np.abs(g).max() for g in case.gradients.values()]
    print(
        f"{case.name:20} loss {case.loss:.6f}  float32 against float64: loss {abs(case.loss / case.loss64 - 1):.1e}"
        f"  gradients {np.median(list(case.noise.values())):.1e} median, {case.noise[worst]:.1e} worst ({worst})"
        f"  largest entries {min(largest):.2g} to {max(largest):.2g}  {path.stat().st_size} bytes"
    )


def compare(case: Case, folder: pathlib.Path) -> bool:
    """Prints every tensor's error and says whether all are within tolerance."""
    got = load_file(folder / f"{case.name}.safetensors")
    ok = True
    print(f"\n{case.name}\n{'gradient':32} {'shape':>18} {'max |grad|':>11} {'max |diff|':>11} "
          f"{'ratio':>9} {'noise':>9}  at")
    for name, want in case.gradients.items():
        g = got.get(f"{name}.grad")
        if g is None or g.size != want.size:
            print(f"{name:32} {'missing' if g is None else f'has shape {g.shape}, want {want.shape}'}")
            ok = False
            continue
        diff, largest = np.abs(g.reshape(-1).astype(np.float64) - want.reshape(-1)), float(np.abs(want).max())
        ratio = diff.max() / largest
        within = bool(ratio <= GRADIENT_TOLERANCE)  # also false for NaN
        ok &= within
        print(
            f"{name:32} {'x'.join(map(str, want.shape)):>18} {largest:11.4g} {diff.max():11.3g} {ratio:9.2e}"
            f" {case.noise[name]:9.2e}  {diff.argmax()}{'' if within else '  TOO FAR'}"
        )
    for name, want in (("loss", np.float32(case.loss)), ("logits", case.logits)):
        if name in got:
            far = error(got[name].reshape(-1), want.reshape(-1))
            within = name != "loss" or far <= LOSS_TOLERANCE
            ok &= within
            print(f"{name:32} relative error {far:.2e}{'' if within else '  TOO FAR'}")
    unknown = set(got) - {f"{n}.grad" for n in case.gradients} - {"loss", "logits"}
    if unknown:
        print(f"not in the model: {sorted(unknown)}")
    return ok and not unknown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", type=pathlib.Path, metavar="DIR",
                        help="compare the gradients in DIR/CASE.safetensors")
    parser.add_argument("--cases", default=",".join(CASES), help="names, separated by commas")
    options = parser.parse_args()
    print(f"torch {torch.__version__}, timm {timm.__version__}, numpy {np.__version__}")
    ok = True
    for name in options.cases.split(","):
        if name not in CASES:
            parser.error(f"no case {name!r}; there are {', '.join(CASES)}")
        case = Case(name)
        if options.full:
            ok &= compare(case, options.full)
        else:
            write(case)
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
