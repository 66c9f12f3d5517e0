"""Models as PyTorch's two exporters write them, and their gradients by autograd: goldens for models/imported.

    imported.py                 writes models/imported/testdata/*.onnx and *.json.gz
    imported.py --run TRAINER   differentiates each of those files with the program TRAINER, runs the result in
                                Python's onnxruntime and compares every entry of every gradient with autograd's

Needs requirements.txt and imported-requirements.txt.
"""

import argparse
import base64
import gzip
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from torch import nn

TESTDATA = pathlib.Path(__file__).resolve().parents[2] / "models" / "imported" / "testdata"
TOLERANCE = 1e-5  # of the tensor's largest entry


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(48, 12), nn.Tanh(), nn.LayerNorm(12), nn.Linear(12, 12),
                                  nn.GELU(), nn.Dropout(0.5), nn.Linear(12, 5))

    def forward(self, x):
        return self.body(x).softmax(-1)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        attention = (q * q.shape[-1] ** -0.5 @ k.transpose(-2, -1)).softmax(-1)
        x = x + self.proj((attention @ v).transpose(1, 2).reshape(b, n, c))
        return x + self.fc2(nn.functional.gelu(self.fc1(self.norm2(x))))


class ViT(nn.Module):
    def __init__(self, width=12, patch=4, side=8):
        super().__init__()
        self.patch = patch
        self.embed = nn.Linear(3 * patch * patch, width)
        self.position = nn.Parameter(torch.zeros(1, (side // patch) ** 2, width))
        self.blocks = nn.Sequential(Block(width, 2), Block(width, 2))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 5)

    def forward(self, x):
        b, c, h, w = x.shape
        p = self.patch
        x = x.reshape(b, c, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5).reshape(b, (h // p) * (w // p), -1)
        return self.head(self.norm(self.blocks(self.embed(x) + self.position).mean(1)))


class CNN(nn.Module):
    """Convolutions with strides, padding, groups and dilations, normalisation, pooling and a residual. Exporters would
    fold a normalisation that follows a convolution."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.ReLU(), nn.BatchNorm2d(8),
                                  nn.MaxPool2d(3, 2, 1))
        self.body = nn.Sequential(nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8), nn.Hardswish(),
                                  nn.BatchNorm2d(8), nn.Conv2d(8, 8, 1), nn.SiLU())
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))

    def forward(self, x):
        x = self.stem(x)
        return self.head(x + self.body(x))


class Windows(nn.Module):
    """Attention in windows that are rolled by half, with biases that the relative position picks from a table, as in
    Swin and MaxViT."""

    def __init__(self, width=8, heads=2, window=2):
        super().__init__()
        self.heads, self.window = heads, window
        self.embed, self.norm, self.head = nn.Conv2d(3, width, 1), nn.LayerNorm(width), nn.Linear(width, 5)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        side = 2 * window - 1
        self.table = nn.Parameter(torch.randn(heads, side, side))
        place = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
        self.register_buffer("row", place[0][:, None] - place[0][None] + window - 1)
        self.register_buffer("column", place[1][:, None] - place[1][None] + window - 1)

    def forward(self, x):
        x = self.embed(x).permute(0, 2, 3, 1)
        b, h, w, c = x.shape
        n = self.window
        y = torch.roll(self.norm(x), (-(n // 2), -(n // 2)), (1, 2))
        y = y.reshape(b, h // n, n, w // n, n, c).permute(0, 1, 3, 2, 4, 5).reshape(b, -1, n * n, c)
        q, k, v = (t.reshape(b, -1, n * n, self.heads, c // self.heads).transpose(2, 3)
                   for t in self.qkv(y).chunk(3, -1))
        attention = torch.einsum("B G H I D, B G H J D -> B G H I J", q, k) + self.table[:, self.row, self.column]
        y = torch.einsum("B G H I J, B G H J D -> B G H I D", attention.softmax(-1), v)
        y = y.transpose(2, 3).reshape(b, -1, n * n, c)
        y = self.proj(y).reshape(b, h // n, w // n, n, n, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
        x = x + torch.roll(y, (n // 2, n // 2), (1, 2))
        return self.head(x.mean((1, 2)))


# name → model, image side, exporter, opset
CASES = {
    "cnn_torchscript17": (CNN, 20, "torchscript", 17),
    "cnn_dynamo18": (CNN, 20, "dynamo", 18),
    "mlp_torchscript9": (MLP, 4, "torchscript", 9),
    "mlp_dynamo20": (MLP, 4, "dynamo", 20),
    "windows_torchscript17": (Windows, 4, "torchscript", 17),
    "vit_torchscript11": (ViT, 8, "torchscript", 11),
    "vit_torchscript17": (ViT, 8, "torchscript", 17),
    "vit_dynamo18": (ViT, 8, "dynamo", 18),
    "vit_dynamo23": (ViT, 8, "dynamo", 23),
}


def build(name):
    """The model with random parameters, no two of which are equal: exporters store equal ones once."""
    model, side, _, _ = CASES[name]
    torch.manual_seed(0)
    m = model().eval()
    for p in m.parameters():
        p.data += 0.2 * torch.randn_like(p)
    return m, torch.randn(2, 3, side, side), torch.randn(2, 5)


def export(name, path):
    m, x, _ = build(name)
    _, _, exporter, opset = CASES[name]
    options = {"opset_version": opset, "input_names": ["images"], "output_names": ["logits"]}
    if exporter == "dynamo":
        torch.onnx.export(m, (x,), path, dynamo=True, external_data=False,
                          dynamic_shapes=({0: torch.export.Dim("batch")},), **options)
    else:
        torch.onnx.export(m, (x,), path, dynamo=False, dynamic_axes={"images": {0: "batch"}, "logits": {0: "batch"}},
                          **options)
    model = onnx.load(path)
    for n in model.graph.node:  # where the exporter was when it wrote the node
        n.ClearField("metadata_props")
        n.ClearField("doc_string")
    del model.graph.value_info[:]
    onnx.save(model, path)


def gradients(name, path):
    """Autograd's gradients under the names that the file gives to the input and the parameters, some of which it
    stores transposed."""
    m, x, cotangent = build(name)
    x.requires_grad = True
    parameters = list(m.parameters())
    found = torch.autograd.grad(m(x), [x, *parameters], cotangent)
    out = {"images": found[0].numpy()}
    model = onnx.load(path)
    stored = [(t.name, numpy_helper.to_array(t)) for t in model.graph.initializer]
    stored += [(n.output[0], numpy_helper.to_array(a.t)) for n in model.graph.node if n.op_type == "Constant"
               for a in n.attribute if a.name == "value"]
    for p, g in zip(parameters, found[1:]):
        for stored_name, value in stored:
            for order in itertools.permutations(range(p.dim())):
                if np.array_equal(value, p.detach().numpy().transpose(order)):
                    out[stored_name] = np.ascontiguousarray(g.numpy().transpose(order))
    if len(out) != 1 + len(parameters):
        sys.exit(f"{name}: {len(out) - 1} of {len(parameters)} parameters found in the file")
    return x.detach().numpy(), cotangent.numpy(), out


def write():
    TESTDATA.mkdir(exist_ok=True)
    encode = lambda a: base64.b64encode(np.ascontiguousarray(a, "<f4").tobytes()).decode()
    for name in CASES:
        path = TESTDATA / f"{name}.onnx"
        export(name, path)
        x, cotangent, found = gradients(name, path)
        golden = {"images": encode(x), "cotangent": encode(cotangent),
                  "gradients": {k: encode(v) for k, v in found.items()}}
        with (open(TESTDATA / f"{name}.json.gz", "wb") as f,
              gzip.GzipFile(fileobj=f, mode="wb", mtime=0, filename="") as z):
            z.write(json.dumps(golden).encode())
        print(name, len(found) - 1, "parameters")


def run(trainer):
    failed = False
    for name in CASES:
        path = TESTDATA / f"{name}.onnx"
        x, cotangent, want = gradients(name, path)
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "g.onnx"
            subprocess.run([trainer, "differentiate", "-model", path, "-wrt", ",".join(want), "-out", out], check=True,
                           stdout=subprocess.DEVNULL)
            onnx.checker.check_model(str(out))
            session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
            outputs = [o.name for o in session.get_outputs()]
            got = dict(zip(outputs, session.run(None, {"images": x, "logits.cotangent": cotangent})))
        worst = max(np.abs(got[k + ".grad"] - v).max() / np.abs(v).max() for k, v in want.items())
        failed = failed or not worst <= TOLERANCE
        print(f"{name}: {len(want)} gradients, worst {worst:.1e} of the largest entry")
    sys.exit(failed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", metavar="TRAINER")
    args = parser.parse_args()
    run(args.run) if args.run else write()
