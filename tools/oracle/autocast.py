"""How far torch.autocast's gradients lie from float32's: the measure for graphs of mixed precision.

    autocast.py           writes graphs/artifacts/testdata/autocast.json.gz and prints a summary

For each case of vit.py and each half-precision type, RETFound's ViT runs forward under torch.autocast on the CPU, as a
training loop does: the loss in float32, the backward pass outside. Kept are, of each gradient g, the relative error
|g - f|/|f| and 1 - cosine to f, the gradient in float32, whose own error is a thousand times smaller. Needs
requirements.txt.
"""

import gzip
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

from vit import CASES, LOSS_SCALE, TESTDATA, Case
from vit_model import RETFound

TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def gradients(case: Case, dtype: torch.dtype) -> tuple[float, dict[str, np.ndarray]]:
    model = RETFound(case.config).train()
    model.load_state_dict({n: torch.from_numpy(v) for n, v in case.parameters.items()})
    with torch.autocast("cpu", dtype=dtype):
        logits = model(torch.from_numpy(case.images), torch.from_numpy(case.drop_path))
        loss = nn.functional.cross_entropy(logits.float(), torch.from_numpy(case.targets))
    (loss * LOSS_SCALE).backward()
    return loss.item(), {n: p.grad.numpy() for n, p in model.named_parameters()}


def apart(got: np.ndarray, want: np.ndarray) -> list[float]:
    g, w = got.reshape(-1).astype(np.float64), want.reshape(-1).astype(np.float64)
    error = np.linalg.norm(g - w) / np.linalg.norm(w)
    cosine = g @ w / np.linalg.norm(g) / np.linalg.norm(w)
    return [float(f"{error:.4g}"), float(f"{1 - cosine:.4g}")]


def main() -> None:
    out = []
    for name in CASES:
        case = Case(name)
        for kind, dtype in TYPES.items():
            loss, got = gradients(case, dtype)
            errors = {n: apart(got[n], f) for n, f in case.gradients.items()}
            out.append({"case": name, "type": kind, "loss": float(f"{loss / case.loss - 1:.4g}"), "gradients": errors})
            e = [v[0] for v in errors.values()]
            worst = max(errors, key=lambda n: errors[n][0])
            print(f"{name:20} {kind:9} loss {out[-1]['loss']:+.1e}  gradients {np.sqrt(np.mean(np.square(e))):.2e}"
                  f"  worst {errors[worst][0]:.2e} ({worst})  1 - cosine {max(v[1] for v in errors.values()):.1e}")
    text = json.dumps({"torch": torch.__version__, "cases": out}, separators=(",", ":"))
    path = Path(TESTDATA) / "autocast.json.gz"
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
