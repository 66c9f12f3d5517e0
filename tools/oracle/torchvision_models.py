"""Gradients of torchvision's classifiers with respect to their images, beside autograd's.

    torchvision_models.py TRAINER

exports each model with random weights (TorchScript exporter, opset 17, batch normalisation folded as it does), lets the
program TRAINER differentiate it, runs the result in Python's onnxruntime and prints the largest difference as a part of
the gradient's largest entry. Nothing is kept. Needs requirements.txt.
"""

import pathlib
import subprocess
import sys
import tempfile
import warnings

import onnxruntime
import torch
import torchvision

MODELS = {
    "resnet18": 64, "resnet50": 64, "regnet_y_400mf": 64, "densenet121": 64, "squeezenet1_1": 64, "googlenet": 64,
    "inception_v3": 96, "mobilenet_v3_large": 64, "shufflenet_v2_x1_0": 64, "efficientnet_b0": 64, "convnext_tiny": 64,
    "swin_t": 64,
}  # by the side of the images in pixels
TOLERANCE = 1e-5


def compare(name: str, trainer: str, folder: pathlib.Path) -> float:
    torch.manual_seed(0)
    model = getattr(torchvision.models, name)(weights=None).eval()
    x = torch.randn(2, 3, MODELS[name], MODELS[name], requires_grad=True)
    torch.onnx.export(model, (x.detach(),), folder / "m.onnx", dynamo=False, opset_version=17, input_names=["images"],
                      output_names=["logits"], dynamic_axes={"images": {0: "batch"}})
    subprocess.run([trainer, "differentiate", "-model", folder / "m.onnx", "-wrt", "images", "-batch", "2",
                    "-out", folder / "g.onnx"], check=True, stdout=subprocess.DEVNULL)
    logits = model(x)
    cotangent = torch.randn_like(logits)
    want, = torch.autograd.grad(logits, x, cotangent)
    session = onnxruntime.InferenceSession(folder / "g.onnx")
    got, = session.run(None, {"images": x.detach().numpy(), "logits.cotangent": cotangent.numpy()})
    return float((torch.from_numpy(got) - want).abs().max() / want.abs().max())


def main() -> None:
    warnings.filterwarnings("ignore")
    failed = False
    for name in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            worst = compare(name, sys.argv[1], pathlib.Path(folder))
        failed |= not worst <= TOLERANCE
        print(f"{name:20s}{worst:.1e}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
