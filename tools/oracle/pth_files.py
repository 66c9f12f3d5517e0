"""Makes .pth files with torch.save, and what is in them as safetensors, for onnx/weights and training/pretrained.

onnx/weights/testdata
    odd_zip.pth, odd_legacy.pth   views, parameters, shared storages, every element type, objects that are no tensors
    odd.safetensors               their tensors, contiguous, called by the keys that lead to them
training/pretrained/testdata
    mae_{float32,float16,bfloat16}_{zip,legacy}.pth.gz
                                  the layout of RETFound's pre-training files: 398 tensors of a masked autoencoder of ViT-L's
                                  depth and width 2, scaler, epoch and argparse.Namespace; in float32 Adam's state too
    mae.safetensors.gz            the 398 tensors in float32. Every value is a multiple of 1/64 below 2, which all three types
                                  hold: the files load as the same float32
    resize.safetensors            position embeddings before and after torch.nn.functional.interpolate, as RETFound's
                                  interpolate_pos_embed (util/pos_embed.py) calls it, in float64
"""

import argparse
import collections
import gzip
import io
import pathlib

import numpy as np
import safetensors.torch
import torch

import vit_random

ROOT = pathlib.Path(__file__).parents[2]
WEIGHTS = ROOT / "onnx" / "weights" / "testdata"
PRETRAINED = ROOT / "training" / "pretrained" / "testdata"

DTYPES = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16, torch.float32,
          torch.float64, torch.complex64, torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2]


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
        "arrays": {"c": np.arange(6.0).reshape(2, 3), "f": np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3)),
                   "big": np.arange(3, dtype=">i4")},
        "conjugate": torch.ones(2, dtype=torch.complex64).conj(),
        "args": argparse.Namespace(device="cpu", lr=None, epochs=800), "unknown": Unknown(), "scaler": {"scale": 65536.0},
        "epoch": 3, "size": torch.Size([2]), "type": torch.float16, "device": torch.device("cpu"), "number": np.float64(2),
        7: torch.tensor(7), "ordered": collections.OrderedDict(a=torch.tensor(1.0)), "set": {1, 2}, "large": 1 << 80,
    }


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


def mae(width=2, depth=24, decoder=2, decoder_depth=8, tokens=5):
    """The state_dict of models_mae.py."""
    shapes = {"cls_token": (1, 1, width), "pos_embed": (1, tokens, width), "mask_token": (1, 1, decoder),
              "decoder_pos_embed": (1, tokens, decoder), "patch_embed.proj.weight": (width, 3, 2, 2), "patch_embed.proj.bias": (width,)}

    def layer(name, out, *ins):
        shapes[name + ".weight"], shapes[name + ".bias"] = (out, *ins), (out,)

    def blocks(name, n, w):
        for i in range(n):
            layer(f"{name}.{i}.norm1", w)
            layer(f"{name}.{i}.attn.qkv", 3 * w, w)
            layer(f"{name}.{i}.attn.proj", w, w)
            layer(f"{name}.{i}.norm2", w)
            layer(f"{name}.{i}.mlp.fc1", 4 * w, w)
            layer(f"{name}.{i}.mlp.fc2", w, 4 * w)

    blocks("blocks", depth, width)
    layer("norm", width)
    layer("decoder_embed", decoder, width)
    blocks("decoder_blocks", decoder_depth, decoder)
    layer("decoder_norm", decoder)
    layer("decoder_pred", 12, decoder)
    draw = lambda name, shape: torch.from_numpy(np.floor(vit_random.fill(name, int(np.prod(shape)), 0, 128)) / np.float32(64)).reshape(shape)
    return {name: draw(name, shape) for name, shape in shapes.items()}


def checkpoint(model, dtype):
    parameters = [torch.nn.Parameter(t.to(dtype)) for t in model.values()]
    optimizer = torch.optim.AdamW(parameters, lr=0.0, weight_decay=0.0)
    if dtype == torch.float32:
        for p in parameters:
            p.grad = torch.zeros_like(p)
        optimizer.step()
    return {"model": collections.OrderedDict(zip(model, (p.data for p in parameters))), "optimizer": optimizer.state_dict(), "epoch": 799,
            "scaler": {"scale": 65536.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 2000, "_growth_tracker": 7},
            "args": argparse.Namespace(mask_ratio=0.85, norm_pix_loss=True, blr=1.5e-4, model="mae_vit_large_patch16")}


def save(value, zipped):
    f = io.BytesIO()
    torch.save(value, f, _use_new_zipfile_serialization=zipped)
    return f.getvalue()


def resized(old, new, width=2):
    tokens = torch.from_numpy(vit_random.fill(f"pos_embed.{old}", (1 + old * old) * width, 0, 1).astype(np.float64)).reshape(1, -1, width)
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

    model = mae()
    assert len(model) == 398
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        for name, zipped in (("zip", True), ("legacy", False)):
            packed = gzip.compress(save(checkpoint(model, dtype), zipped), mtime=0)
            (PRETRAINED / f"mae_{str(dtype).removeprefix('torch.')}_{name}.pth.gz").write_bytes(packed)
    (PRETRAINED / "mae.safetensors.gz").write_bytes(gzip.compress(safetensors.torch.save(model), mtime=0))

    sizes = {}
    for old, new in ((14, 16), (14, 24), (16, 14), (37, 16), (2, 3), (4, 1)):
        sizes[f"{old}"], sizes[f"{old}_{new}"] = resized(old, new)
    (PRETRAINED / "resize.safetensors").write_bytes(safetensors.torch.save(sizes))
    print("torch", torch.__version__)


if __name__ == "__main__":
    main()
