"""Losses and gradients of RETFound's ViT with LoRA by peft: goldens for models.

    lora.py     writes models/testdata/lora_*.json.gz: loss, logits and the gradients of adapters and head

Needs requirements.txt and peft. The tensors are drawn as those of vit.py, adapters by the rules behind them.
"""

import gzip
import json
import math
import pathlib

import numpy as np
import peft
import torch
from torch import nn

import vit
from vit_model import build

TESTDATA = pathlib.Path(__file__).resolve().parents[2] / "models" / "testdata"
CASES = {
    "lora_mean": ("vit_tiny_mean", 4, 8.0, ["attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"]),
    "lora_cls": ("vit_tiny_dinov2", 2, 3.0, ["attn.qkv"]),
}


def gradients(case: vit.Case, base: dict, adapters: dict, rank: int, alpha: float, targets: list[str],
              dtype: torch.dtype) -> tuple:
    model = build(case.config)
    model.load_state_dict({n: torch.from_numpy(v) for n, v in base.items()})
    config = peft.LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, lora_dropout=0.0, bias="none",
                             modules_to_save=["head"])
    model = peft.get_peft_model(model, config)
    named = {n.removeprefix("base_model.model.").replace(".default", "").replace("modules_to_save.", ""): p
             for n, p in model.named_parameters() if p.requires_grad}
    if adapters is None:
        return {n: list(p.shape) for n, p in named.items()}
    with torch.no_grad():
        for n, v in adapters.items():
            named[n].copy_(torch.from_numpy(v))
    model = model.to(dtype).train()
    as_input = lambda v: torch.from_numpy(v).to(dtype)
    logits = model(as_input(case.images), as_input(case.drop_path))
    loss = nn.functional.cross_entropy(logits, as_input(case.targets))
    (loss * vit.LOSS_SCALE).backward()
    return loss.item(), logits.detach().numpy(), {n: p.grad.numpy() for n, p in named.items()}


def main() -> None:
    TESTDATA.mkdir(exist_ok=True)
    for name, (of, rank, alpha, targets) in CASES.items():
        case = vit.Case(of)
        shapes = gradients(case, case.parameters, None, rank, alpha, targets, torch.float32)
        rules = [{"suffix": "lora_A.weight", "center": 0.0, "spread": round(math.sqrt(3 / case.config.width), 4)},
                 {"suffix": "lora_B.weight", "center": 0.0, "spread": 0.1}, *case.rules]
        adapters = {n: vit.draw(rules, n, s) for n, s in shapes.items() if "lora_" in n}
        arguments = case, case.parameters, adapters, rank, alpha, targets
        loss, logits, found = gradients(*arguments, torch.float32)
        _, _, exact = gradients(*arguments, torch.float64)
        noise = {n: vit.error(g, exact[n]) for n, g in found.items()}
        golden = case.golden() | {
            "case": name, "rules": rules, "rank": rank, "alpha": alpha, "targets_lora": targets, "inputs": [],
            "loss": vit.short(loss)[0], "logits": vit.short(logits),
            "gradients": [vit.describe(n, g, noise[n], vit.FORM_POSITIONS) for n, g in found.items()],
        }
        golden["versions"]["peft"] = peft.__version__
        path = TESTDATA / f"{name}.json.gz"
        path.write_bytes(gzip.compress(json.dumps(golden, separators=(",", ":")).encode(), 9, mtime=0))
        print(f"{name} loss {loss:.6f}, {len(found)} gradients, noise up to {max(noise.values()):.1e}, "
              f"{path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
