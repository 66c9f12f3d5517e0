"""Makes .pth files with torch.save, and what is in them as safetensors, for onnx/weights and models/pretrained.

onnx/weights/testdata
    odd_zip.pth, odd_legacy.pth   views, parameters, shared storages, every element type, objects that are no tensors
    odd.safetensors               their tensors, contiguous, called by the keys that lead to them
    module.pth                    a whole module, not its state_dict
models/pretrained/testdata
    mae_{float32,float16,bfloat16}_{zip,legacy}.pth.gz
                                  the layout of RETFound's pre-training files: 398 tensors of a masked autoencoder of
                                  ViT-L's depth and width 2, scaler, epoch and argparse.Namespace; in float32 Adam's
                                  state too
    mae.safetensors.gz            the 398 tensors in float32; see mae_random.py
    teacher.pth                   a DINOv2 checkpoint of two blocks, with the same values under other names
    resize.safetensors            position embeddings before and after torch.nn.functional.interpolate, as RETFound's
                                  interpolate_pos_embed (util/pos_embed.py) calls it, in float64
"""

import argparse
import collections
import gzip
import hashlib
import io
import pathlib

import numpy as np
import safetensors.torch
import torch

import mae_random
import vit_random

ROOT = pathlib.Path(__file__).parents[2]
WEIGHTS = ROOT / "onnx" / "weights" / "testdata"
PRETRAINED = ROOT / "models" / "pretrained" / "testdata"

DTYPES = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16,
          torch.float32, torch.float64, torch.complex64, torch.uint16, torch.uint32, torch.uint64,
          torch.float8_e4m3fn, torch.float8_e5m2]


class Unknown:
    """A class that no reader knows."""

    def __init__(self):
        self.tensor = torch.ones(2)


def odd():
    torch.manual_seed(0)
    base = torch.randn(4, 6)
    layer = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    attributes = torch.randn(2)
    attributes.note = "an attribute"
    return {
        "types": {str(d).removeprefix("torch."): (torch.randn(2, 3).abs() * 4).to(d) for d in DTYPES},
        "views": {
            "base": base, "transposed": base.t(), "column": base[:, 2], "rows": base[1:3], "steps": base[::2, 1::3],
            "permuted": torch.randn(2, 3, 4).permute(2, 0, 1), "expanded": torch.randn(3, 1).expand(3, 4),
            "diagonal": base.diagonal(), "scalar": torch.tensor(2.5), "element": base[3, 5], "empty": torch.zeros(0, 4),
            "one": torch.randn(1, 1, 5).transpose(0, 2),
        },
        "model": layer.state_dict(),
        "parameter": layer.weight,
        "attributes": attributes,
        "optimizer": optimizer.state_dict(),
        "list": [torch.tensor([1, 2]), {"deep": (torch.tensor(3),)}],
        "arrays": {"c": np.arange(6.0).reshape(2, 3),
                   "f": np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3)),
                   "big": np.arange(3, dtype=">i4")},
        "conjugate": torch.ones(2, dtype=torch.complex64).conj(),
        "args": argparse.Namespace(device="cpu", lr=None, epochs=800), "unknown": Unknown(),
        "scaler": {"scale": 65536.0},
        "epoch": 3, "size": torch.Size([2]), "type": torch.float16, "device": torch.device("cpu"),
        "number": np.float64(2),
        7: torch.tensor(7), "ordered": collections.OrderedDict(a=torch.tensor(1.0)), "set": {1, 2}, "large": 1 << 80,
    }


def module():
    """A module whose tensors are 0, 1, 2 and on."""
    m = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Sequential(torch.nn.BatchNorm1d(1)))
    for i, t in enumerate(m.state_dict().values()):
        t.copy_(torch.full_like(t, i))
    return m


def named(value, path=()):
    """The tensors of value that a reader finds, by name."""
    if isinstance(value, torch.Tensor):
        if not value.is_conj():
            yield ".".join(path), value.detach().clone(memory_format=torch.contiguous_format)
    elif isinstance(value, np.ndarray):
        if value.dtype.isnative:
            yield ".".join(path), torch.from_numpy(np.ascontiguousarray(value))
    elif isinstance(value, dict):
        for key, v in value.items():
            yield from named(v, (*path, str(key)))
    elif isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
        for i, v in enumerate(value):
            yield from named(v, (*path, str(i)))


def mae():
    """The state_dict of RETFound's autoencoder in depth, at width 2."""
    return {name: torch.from_numpy(mae_random.draw(name, shape))
            for name, shape in mae_random.shapes(2, 24, 2, 8, 5).items()}


def teacher():
    """A DINOv2 checkpoint: its names, a grid of 3 x 3 patches, heads of its own, and what goes with a student."""
    model = {name.replace("mlp.fc1", "mlp.w12").replace("mlp.fc2", "mlp.w3"): torch.from_numpy(t)
             for name, t in mae_random.encoder(tokens=10).items()}
    for i in range(2):
        for j in (1, 2):
            name = f"blocks.{i}.ls{j}.gamma"
            model[name] = torch.from_numpy(mae_random.draw(name, (2,)))
    model = {"backbone." + name: t for name, t in model.items()}
    return {"teacher": {**model, "dino_head.mlp.0.weight": torch.ones(2, 2),
                        "ibot_head.mlp.0.weight": torch.ones(2, 2)},
            "student": {"backbone.cls_token": torch.zeros(1, 1, 2)}}


def checkpoint(model, dtype):
    parameters = [torch.nn.Parameter(t.to(dtype)) for t in model.values()]
    optimizer = torch.optim.AdamW(parameters, lr=0.0, weight_decay=0.0)
    if dtype == torch.float32:
        for p in parameters:
            p.grad = torch.zeros_like(p)
        optimizer.step()
    return {"model": collections.OrderedDict(zip(model, (p.data for p in parameters))),
            "optimizer": optimizer.state_dict(), "epoch": 799,
            "scaler": {"scale": 65536.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 2000,
                       "_growth_tracker": 7},
            "args": argparse.Namespace(mask_ratio=0.85, norm_pix_loss=True, blr=1.5e-4, model="mae_vit_large_patch16")}


def save(value, zipped):
    f = io.BytesIO()
    torch.save(value, f, _use_new_zipfile_serialization=zipped)
    return f.getvalue()


def resized(old, new, width=2):
    values = vit_random.fill(f"pos_embed.{old}", (1 + old * old) * width, 0, 1).astype(np.float64)
    tokens = torch.from_numpy(values).reshape(1, -1, width)
    grid = tokens[:, 1:].reshape(-1, old, old, width).permute(0, 3, 1, 2)
    grid = torch.nn.functional.interpolate(grid, size=(new, new), mode="bicubic", align_corners=False)
    return tokens, torch.cat((tokens[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)), dim=1)


def main():
    for path in (WEIGHTS, PRETRAINED):
        path.mkdir(parents=True, exist_ok=True)
    content = odd()
    for name, zipped in (("zip", True), ("legacy", False)):
        (WEIGHTS / f"odd_{name}.pth").write_bytes(save(content, zipped))
    (WEIGHTS / "odd.safetensors").write_bytes(safetensors.torch.save(dict(named(content))))

    (WEIGHTS / "module.pth").write_bytes(save(module(), True))

    model = mae()
    assert len(model) == 398
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        for name, zipped in (("zip", True), ("legacy", False)):
            packed = gzip.compress(save(checkpoint(model, dtype), zipped), mtime=0)
            (PRETRAINED / f"mae_{str(dtype).removeprefix('torch.')}_{name}.pth.gz").write_bytes(packed)
    (PRETRAINED / "mae.safetensors.gz").write_bytes(gzip.compress(safetensors.torch.save(model), mtime=0))

    (PRETRAINED / "teacher.pth").write_bytes(save(teacher(), True))

    sizes = {}
    for old, new in ((14, 16), (14, 24), (16, 14), (37, 16), (2, 3), (4, 1)):
        sizes[f"{old}"], sizes[f"{old}_{new}"] = resized(old, new)
    (PRETRAINED / "resize.safetensors").write_bytes(safetensors.torch.save(sizes))
    halves = torch.from_numpy(np.arange(1 << 16, dtype=np.uint16)).view(torch.float16).float()
    print("float16 as float32, SHA-256 for numbers_test.go:",
          hashlib.sha256(torch.nan_to_num(halves, 0, torch.inf, -torch.inf).numpy().tobytes()).hexdigest())
    print("torch", torch.__version__)


if __name__ == "__main__":
    main()
