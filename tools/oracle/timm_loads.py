"""Loads a run's fine-tuned weights into timm's ViT as RETFound builds it, and compares its logits with the run's
model.onnx.

    python tools/oracle/timm_loads.py runs/NAME [--images 8]

checkpoints/best/model.safetensors has to load with strict=True: every parameter under PyTorch's name, none more. Prints
the largest difference of logits on random images, and fails above 1e-4.
"""

import argparse
import json
import pathlib
import sys
import tomllib

import numpy as np
import onnx
import onnxruntime
import safetensors.torch
import torch

import vit_model


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=pathlib.Path, help="run folder")
    parser.add_argument("--images", type=int, default=8)
    args = parser.parse_args()

    exported = args.run / "model.onnx"
    metadata = {p.key: p.value for p in onnx.load(exported).metadata_props}
    model = tomllib.loads(metadata["fovea.config"])["model"]
    state = safetensors.torch.load_file(args.run / "checkpoints" / "best" / "model.safetensors")
    width, _, patch, _ = state["patch_embed.proj.weight"].shape
    config = vit_model.Config(image=int(metadata["fovea.image_size"]), patch=patch, width=width,
                              depth=1 + max(int(k.split(".")[1]) for k in state if k.startswith("blocks.")),
                              heads=model["heads"] or width // 64,  # in every named size
                              classes=len(json.loads(metadata["fovea.classes"])), batch=args.images,
                              pool="mean" if "fc_norm.weight" in state else "cls", fc_norm_twice=model["fc_norm_twice"],
                              layer_scale="blocks.0.ls1.gamma" in state)
    timm_model = vit_model.RETFound(config).eval()
    timm_model.load_state_dict(state, strict=True)

    images = np.random.default_rng(0).standard_normal((args.images, 3, config.image, config.image), dtype=np.float32)
    with torch.no_grad():
        want = timm_model(torch.from_numpy(images), torch.ones(2 * config.depth, args.images)).numpy()
    session = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    got, = session.run(["logits"], {"images": images})
    difference = float(np.abs(got - want).max())
    print(f"{len(state)} tensors load with strict=True; {config}")
    print(f"logits up to {np.abs(want).max():.3f}, largest difference {difference:.2e}")
    if not difference <= 1e-4:
        sys.exit("the logits differ by more than 1e-4")


if __name__ == "__main__":
    main()
