"""Writes the mean and standard deviation of the training images of the two shipped data sets, with Pillow and numpy.

    python tools/oracle/colours.py

writes training/start/testdata/colours.json. It needs requirements.txt.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image

root = Path(__file__).resolve().parents[2]
out = {}
for name in ["kermany_oct_mini", "retinamnist"]:
    files = sorted(p for p in (root / "data/testdata" / name / "train").rglob("*") if p.suffix in (".png", ".jpeg", ".jpg"))
    pixels = np.concatenate([np.asarray(Image.open(f).convert("RGB")).reshape(-1, 3) for f in files]) / 255
    out[name] = {"images": len(files), "mean": pixels.mean(0).tolist(), "std": pixels.std(0).tolist()}
(root / "training/start/testdata/colours.json").write_text(json.dumps(out, indent=1) + "\n")
