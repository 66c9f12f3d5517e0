"""Sixty optimizer steps of RETFound's recipe by PyTorch: goldens for training.

    trajectory.py               writes training/testdata/trajectory_*.json.gz and prints PyTorch's own noise
    trajectory.py --full DIR    compares every entry of the final parameters in DIR/trajectory_CASE.safetensors and
                                fails above the tolerance
    trajectory.py --cases a,b   only these cases

timm's model, Mixup and label smoothing, PyTorch's loss, gradient accumulation, clipping and AdamW; RETFound's decay
groups (util/lr_decay.py) and schedule (util/lr_sched.py) as adamw.py restates them. Each case runs in float32 and in
float64, whose distance is the noise that the tolerances are judged by. Needs requirements.txt. What is drawn and what
the files hold: training/testdata/README.md.
"""

import argparse
import gzip
import json
import math
import pathlib
import sys
from dataclasses import asdict, dataclass

import numpy as np
import timm
import timm.data.mixup
import torch
from safetensors.numpy import load_file
from timm.data import Mixup

import vit_random
from adamw import groups, rate
from vit import describe, draw, error, rules, short
from vit_model import Config, RETFound

TESTDATA = pathlib.Path(__file__).resolve().parents[2] / "training" / "testdata"
POSITIONS = 24  # entries kept of a final parameter
TOLERANCE = 1e-4  # of a final parameter's largest entry
PATTERN = 0.3  # spread of a class's pattern in its images: weak, so that losses stay far from 0, where they cancel


@dataclass(frozen=True)
class Recipe:
    epochs: int = 6
    warmup: int = 2
    batches: int = 20  # an epoch
    accumulate: int = 2
    lr: float = 1e-3
    min_lr: float = 1e-6
    layer_decay: float = 0.65
    weight_decay: float = 0.05
    clip: float = 1.0
    drop_path: float = 0.2
    mixup: float = 0.0
    cutmix: float = 0.0
    smoothing: float = 0.0


CASES = {
    "plain": (Config(32, 8, 192, 4, 3, 5, 8, "mean"), Recipe()),
    "mixed": (Config(32, 8, 192, 4, 3, 5, 8, "mean", fc_norm_twice=True), Recipe(mixup=0.8, cutmix=1.0, smoothing=0.1)),
    "dinov2": (Config(32, 8, 192, 4, 3, 5, 8, "cls", layer_scale=True), Recipe()),
}


def labels(c: Config, iteration: int) -> np.ndarray:
    return (vit_random.bits(f"labels.{iteration}", c.batch) % np.uint64(c.classes)).astype(np.int64)


def images(c: Config, iteration: int) -> np.ndarray:
    """Noise, and a pattern of the class that can be learned. [B,3,S,S]"""
    size = 3 * c.image**2
    noise = vit_random.fill(f"images.{iteration}", c.batch * size, 0, 1.5).reshape(c.batch, size)
    pattern = np.stack([vit_random.fill(f"pattern.{label}", size, 0, PATTERN) for label in labels(c, iteration)])
    return (noise + pattern).reshape(c.batch, 3, c.image, c.image)


def drop_path_factors(c: Config, r: Recipe, iteration: int) -> np.ndarray:
    """0 or 1/keep, float32 as in timm's DropPath. [2*depth,B]"""
    keep = (1 - np.repeat(np.linspace(0, r.drop_path, c.depth), 2)[:, None]).astype(np.float32)
    u = vit_random.unit(f"drop_path.{iteration}", 2 * c.depth * c.batch).reshape(2 * c.depth, c.batch)
    return np.where(u < keep, np.float32(1) / keep, np.float32(0))


class RecordingMixup(Mixup):
    """timm's Mixup that remembers what it drew: decisions of (lambda, box as x0, y0, x1, y1 or nothing)."""

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.decisions: list[dict] = []

    def _mix_batch(self, x: torch.Tensor) -> float:
        boxes = []
        original = timm.data.mixup.cutmix_bbox_and_lam

        def spy(*arguments, **options):
            box, lam = original(*arguments, **options)
            boxes.append([int(box[2]), int(box[0]), int(box[3]), int(box[1])])
            return box, lam

        timm.data.mixup.cutmix_bbox_and_lam = spy
        try:
            lam = super()._mix_batch(x)
        finally:
            timm.data.mixup.cutmix_bbox_and_lam = original
        self.decisions.append({"lambda": float(lam), "box": boxes[0] if boxes else None})
        return lam


def parameters(c: Config) -> dict[str, np.ndarray]:
    with torch.device("meta"):
        shapes = {n: list(p.shape) for n, p in RETFound(c).named_parameters()}
    table = rules(c)
    return {n: draw(table, n, s) for n, s in shapes.items()}


def batches(c: Config, r: Recipe) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[dict]]:
    """Images and targets of every iteration, float32, and what Mixup drew for them."""
    mixup = None
    if r.mixup or r.cutmix:
        np.random.seed(0)
        mixup = RecordingMixup(mixup_alpha=r.mixup, cutmix_alpha=r.cutmix, label_smoothing=r.smoothing,
                               num_classes=c.classes)
    out = []
    for iteration in range(r.epochs * r.batches):
        x, y = torch.from_numpy(images(c, iteration)), torch.from_numpy(labels(c, iteration))
        x, y = mixup(x, y) if mixup else (x, torch.nn.functional.one_hot(y, c.classes).float())
        out.append((x.numpy(), y.numpy()))
    return out, mixup.decisions if mixup else []


class Run:
    """The recipe in one precision."""

    def __init__(self, c: Config, r: Recipe, dtype: torch.dtype, data: list[tuple[np.ndarray, np.ndarray]]) -> None:
        model = RETFound(c).to(dtype).train()
        model.load_state_dict({n: torch.from_numpy(v) for n, v in parameters(c).items()})
        named = dict(model.named_parameters())
        shapes = {n: list(p.shape) for n, p in named.items()}
        optimizer = torch.optim.AdamW(
            [g | {"params": [named[n] for n in g["params"]]}
             for g in groups(shapes, c.depth, r.weight_decay, r.layer_decay).values()], lr=r.lr)
        as_input = lambda v: torch.from_numpy(v).to(dtype)
        self.losses, self.norms, self.rates = [], [], []
        for iteration, (x, y) in enumerate(data):
            if iteration % r.accumulate == 0:
                lr = rate(r.lr, r.min_lr, r.warmup, r.epochs, iteration / r.batches)
                self.rates.append(lr)
                for g in optimizer.param_groups:
                    g["lr"] = lr * g["lr_scale"]
            logits = model(as_input(x), as_input(drop_path_factors(c, r, iteration)))
            loss = torch.nn.functional.cross_entropy(logits, as_input(y))
            (loss / r.accumulate).backward()
            self.losses.append(loss.item())
            if (iteration + 1) % r.accumulate == 0:
                self.norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), r.clip)))
                optimizer.step()
                optimizer.zero_grad()
        self.parameters = {n: p.detach().numpy() for n, p in named.items()}


def without_keys(parameters: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The parameters with the bias of the keys, the middle third of attn.qkv.bias, set to 0.

    It shifts all scores of a query alike, which softmax undoes: its gradient is 0, and what floating point makes of
    that is rounding error, which AdamW brings to the size of a step. No two programs agree there.
    """
    out = {}
    for n, v in parameters.items():
        out[n] = v.copy()
        if n.endswith("attn.qkv.bias"):
            out[n][v.size // 3 : 2 * v.size // 3] = 0
    return out


def keys_moved(parameters: dict[str, np.ndarray], start: dict[str, np.ndarray]) -> float:
    """How far the keys' biases went from their start, where they would stay without rounding errors."""
    return max(np.abs(v - start[n])[v.size // 3 : 2 * v.size // 3].max() / np.abs(v).max()
               for n, v in parameters.items() if n.endswith("attn.qkv.bias"))


def relative(got: list[float], want: list[float]) -> float:
    return max(abs(g / w - 1) for g, w in zip(got, want, strict=True))


def write(name: str) -> None:
    c, r = CASES[name]
    data, decisions = batches(c, r)
    run, exact = Run(c, r, torch.float32, data), Run(c, r, torch.float64, data)
    final, exact_final, start = without_keys(run.parameters), without_keys(exact.parameters), parameters(c)
    noise = {n: error(v, exact_final[n]) for n, v in final.items()}
    golden = {
        "case": name,
        "versions": {"torch": torch.__version__, "timm": timm.__version__, "numpy": np.__version__},
        "config": asdict(c), "recipe": asdict(r), "rules": rules(c), "mixes": decisions,
        "rates": run.rates, "losses": short(run.losses), "norms": short(run.norms),
        "parameters": [describe(n, v, noise[n], POSITIONS) for n, v in final.items()],
    }
    TESTDATA.mkdir(exist_ok=True)
    path = TESTDATA / f"trajectory_{name}.json.gz"
    path.write_bytes(gzip.compress(json.dumps(golden, separators=(",", ":")).encode(), 9, mtime=0))
    moved = {n: np.abs(v - start[n]).max() / np.abs(v).max() for n, v in run.parameters.items()}
    worst = sorted(noise, key=noise.get)[-3:]
    print(
        f"{name:8} loss {np.mean(run.losses[:20]):.4f} to {np.mean(run.losses[-20:]):.4f}, least {min(run.losses):.4f};"
        f" norms {min(run.norms):.3f} to {max(run.norms):.3f};"
        f" parameters move by {min(moved.values()):.1e} to {max(moved.values()):.1e}\n"
        f"         float32 against float64: losses {relative(run.losses, exact.losses):.1e},"
        f" norms {relative(run.norms, exact.norms):.1e}, parameters"
        f" {', '.join(f'{noise[n]:.1e} {n}' for n in worst)};\n         the keys' biases move by"
        f" {keys_moved(run.parameters, start):.1e} in float32, {keys_moved(exact.parameters, start):.1e} in float64;"
        f" {path.stat().st_size} bytes"
    )


def compare(name: str, folder: pathlib.Path) -> bool:
    """Prints the tensors that lie furthest off and says whether all are within tolerance."""
    c, r = CASES[name]
    want = without_keys(Run(c, r, torch.float32, batches(c, r)[0]).parameters)
    got = without_keys(load_file(folder / f"trajectory_{name}.safetensors"))
    if {n: v.shape for n, v in got.items()} != {n: v.shape for n, v in want.items()}:
        print(f"{name}: other tensors than the model's")
        return False
    far = {n: error(got[n], v) for n, v in want.items()}
    entries = sum(v.size for v in want.values())
    print(f"{name}: {len(want)} parameters, {entries} entries; the furthest, as a part of the largest entry:")
    for n in sorted(far, key=far.get)[-5:]:
        print(f"    {n:32} {far[n]:.2e}")
    return all(f <= TOLERANCE for f in far.values())  # false for NaN


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", type=pathlib.Path, metavar="DIR", help="compare the parameters in DIR")
    parser.add_argument("--cases", default=",".join(CASES), help="names, separated by commas")
    options = parser.parse_args()
    print(f"torch {torch.__version__}, timm {timm.__version__}, numpy {np.__version__}")
    ok = True
    for name in options.cases.split(","):
        if name not in CASES:
            parser.error(f"no case {name!r}; there are {', '.join(CASES)}")
        if options.full:
            ok &= compare(name, options.full)
        else:
            write(name)
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
