"""Goldens for training/optim: AdamW steps, layer-decay groups and the learning-rate schedule, by PyTorch.

Run from the repository root: python tools/oracle/adamw.py
Needs torch, timm and numpy. Writes training/optim/testdata/{steps.json,steps.bin,groups.json,groups_dinov2.json,
schedule.json}.

steps: ten steps of torch.optim.AdamW with layer-wise decay, warm-up and cosine, gradient clipping and two
micro-batches a step over a small ViT's parameters. Start values and gradients come from splitmix64 on
(name, index, step), which the Go test repeats, so that only the final parameters are stored: steps.bin holds
them as little-endian float32 in the order of steps.json.
groups: RETFound's util/lr_decay.py restated, over the parameters of ViT-L/16 and DINOv2's ViT-L/14 as timm names
them.
schedule: RETFound's util/lr_sched.py restated.
"""

import json
import math
import pathlib
import sys

import numpy as np
import timm
import torch

OUT = pathlib.Path("training/optim/testdata")
MASK = (1 << 64) - 1
NO_DECAY = {"pos_embed", "cls_token", "dist_token"}


def fnv1a(text):
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = (h ^ byte) * 0x100000001B3 & MASK
    return h


def uniform(name, step, n):
    """n float32 in [-1, 1): splitmix64 with state fnv1a(name) + step * odd constant + index * golden ratio."""
    with np.errstate(over="ignore"):
        z = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z += np.uint64((fnv1a(name) + step * 0xD1342543DE82EF95) & MASK)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return ((z >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1).astype(np.float32)


def layer_id(name, num_layers):
    """get_layer_id_for_vit of RETFound's util/lr_decay.py."""
    if name in ("cls_token", "pos_embed") or name.startswith("patch_embed"):
        return 0
    if name.startswith("blocks"):
        return int(name.split(".")[1]) + 1
    return num_layers


def groups(shapes, depth, weight_decay, layer_decay):
    """param_groups_lrd of RETFound's util/lr_decay.py: group name -> scale, decay, parameter names."""
    num_layers = depth + 1
    scales = [layer_decay ** (num_layers - i) for i in range(num_layers + 1)]
    out = {}
    for name, shape in shapes.items():
        plain = len(shape) == 1 or name in NO_DECAY
        i = layer_id(name, num_layers)
        key = f"layer_{i}_{'no_decay' if plain else 'decay'}"
        group = out.setdefault(key, {"lr_scale": scales[i], "weight_decay": 0.0 if plain else weight_decay,
                                     "params": []})
        group["params"].append(name)
    return out


def rate(base, low, warmup, epochs, epoch):
    """adjust_learning_rate of RETFound's util/lr_sched.py."""
    if epoch < warmup:
        return base * epoch / warmup
    return low + (base - low) * 0.5 * (1.0 + math.cos(math.pi * (epoch - warmup) / (epochs - warmup)))


def small_vit():
    w = 24
    shapes = {"cls_token": [1, 1, w], "pos_embed": [1, 5, w], "patch_embed.proj.weight": [w, 3, 3, 3],
              "patch_embed.proj.bias": [w]}
    for b in range(4):
        for name, shape in (("norm1.weight", [w]), ("norm1.bias", [w]), ("attn.qkv.weight", [3 * w, w]),
                            ("attn.qkv.bias", [3 * w]), ("attn.proj.weight", [w, w]), ("attn.proj.bias", [w]),
                            ("norm2.weight", [w]), ("norm2.bias", [w]), ("mlp.fc1.weight", [2 * w, w]),
                            ("mlp.fc1.bias", [2 * w]), ("mlp.fc2.weight", [w, 2 * w]), ("mlp.fc2.bias", [w])):
            shapes[f"blocks.{b}.{name}"] = shape
    shapes |= {"fc_norm.weight": [w], "fc_norm.bias": [w], "head.weight": [5, w], "head.bias": [5]}
    return shapes


def steps():
    config = {"depth": 4, "layer_decay": 0.65, "weight_decay": 0.05, "base": 5e-3, "min": 1e-5, "warmup": 2,
              "epochs": 5, "steps_per_epoch": 2, "steps": 10, "micro_batches": 2, "max_norm": 1.0,
              "loss_scale": 1024.0}
    shapes = small_vit()
    params = {n: torch.nn.Parameter(torch.from_numpy(uniform(n, 0, math.prod(s))).reshape(s))
              for n, s in shapes.items()}
    param_groups = [{"params": [params[n] for n in g["params"]], "lr_scale": g["lr_scale"],
                     "weight_decay": g["weight_decay"]}
                    for g in groups(shapes, 4, config["weight_decay"], config["layer_decay"]).values()]
    optimizer = torch.optim.AdamW(param_groups, lr=config["base"])
    rates, norms = [], []
    for step in range(1, config["steps"] + 1):
        lr = rate(config["base"], config["min"], config["warmup"], config["epochs"],
                  (step - 1) / config["steps_per_epoch"])
        for group in optimizer.param_groups:
            group["lr"] = lr * group["lr_scale"]
        optimizer.zero_grad()
        for micro in range(2):
            # Magnitudes fall with the step, so that early steps are clipped and late ones are not.
            for n, p in params.items():
                g = uniform(n, 2 * step + micro, p.numel()) * np.float32(2.0**-step)
                g = torch.from_numpy(g).reshape(p.shape) / 2
                p.grad = g if p.grad is None else p.grad + g
        norms.append(float(torch.nn.utils.clip_grad_norm_(params.values(), config["max_norm"])))
        rates.append(lr)
        optimizer.step()
    config |= {"torch": torch.__version__, "rates": rates, "norms": norms,
               "params": [{"name": n, "shape": s} for n, s in shapes.items()]}
    (OUT / "steps.json").write_text(json.dumps(config) + "\n")
    flat = np.concatenate([p.detach().numpy().ravel() for p in params.values()])
    (OUT / "steps.bin").write_bytes(flat.astype("<f4").tobytes())
    print("steps: parameters", flat.size, "norms", [round(n, 4) for n in norms])


def vit_large_groups(file, name, **options):
    model = timm.create_model(name, num_classes=5, **options)
    shapes = {n: list(p.shape) for n, p in model.named_parameters()}
    g = groups(shapes, 24, 0.05, 0.65)
    params = [{"name": n, "shape": shapes[n], "group": i} for i, group in enumerate(g.values())
              for n in group["params"]]
    order = {n: i for i, n in enumerate(shapes)}
    params.sort(key=lambda p: order[p["name"]])
    (OUT / file).write_text(json.dumps({
        "timm": timm.__version__, "depth": 24, "layer_decay": 0.65, "weight_decay": 0.05,
        "groups": [{k: group[k] for k in ("lr_scale", "weight_decay")} for group in g.values()],
        "params": params}) + "\n")
    print(f"{file}:", len(params), "parameters,", sum(math.prod(s) for s in shapes.values()), "elements,", len(g),
          "groups; scales", min(x["lr_scale"] for x in g.values()), "to", max(x["lr_scale"] for x in g.values()))


def schedule():
    cases = []
    for base, low, warmup, epochs in ((16 * 5e-3 / 256, 1e-6, 10, 100), (5e-4, 1e-6, 10, 50), (1e-3, 0.0, 0, 7)):
        points = [0, 0.5, 1, 5, 9.99, 10, 10.01, 20, 33.3, 50, 75, 99, 99.99]
        cases.append({"base": base, "min": low, "warmup": warmup, "epochs": epochs, "rates": [
            [e, rate(base, low, warmup, epochs, e)] for e in points if e < epochs]})
    (OUT / "schedule.json").write_text(json.dumps(cases) + "\n")
    print("schedule: at", [p[0] for p in cases[0]["rates"]], ["%.4g" % p[1] for p in cases[0]["rates"]])


if __name__ == "__main__":
    print("python", sys.version.split()[0], "torch", torch.__version__, "timm", timm.__version__, "numpy",
          np.__version__)
    OUT.mkdir(parents=True, exist_ok=True)
    steps()
    vit_large_groups("groups.json", "vit_large_patch16_224", global_pool="avg", fc_norm=True)
    vit_large_groups("groups_dinov2.json", "vit_large_patch14_dinov2", img_size=224)
    schedule()
