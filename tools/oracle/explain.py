"""Heat maps and features by PyTorch: goldens for package explain.

    explain.py                  writes inference/explain/testdata/*
    explain.py --models DIR     writes DIR/*.onnx, 0.6 GB, and DIR/*.json.gz of timm's and torchvision's models with
                                random weights
    FOVEA_EXPLAIN=DIR go test ./inference/explain -run Models -v -timeout 1h
                                compares Fovea with these

Gradients, integrated gradients and Grad-CAM of convolutions are captum's, features timm's; attention rollout,
gradient-weighted attention and Grad-CAM of tokens are written here from the papers' formulas. All in float64.
Needs requirements.txt and explain-requirements.txt.
"""

import argparse
import base64
import gzip
import io
import json
import math
import pathlib

import captum
import numpy as np
import timm
import torch
import torchvision
from captum.attr import InputXGradient, IntegratedGradients, LayerGradCam, Saliency
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from torch import nn

import imported
import vit
import vit_random
from vit_model import RETFound

TESTDATA = pathlib.Path(__file__).resolve().parents[2] / "inference" / "explain" / "testdata"
STEPS = 48
IMAGES = 2  # the first for the class of its highest score, the second for class 2
SECOND_CLASS = 2


class Attention:
    """Records what softmax gives between tokens while it is entered."""

    def __enter__(self):
        self.matrices, self.softmax = [], torch.Tensor.softmax

        def record(x, *args, **options):
            y = self.softmax(x, *args, **options)
            self.matrices.append(y)
            return y

        torch.Tensor.softmax = record
        return self.matrices

    def __exit__(self, *_):
        torch.Tensor.softmax = self.softmax


def rollout(matrices):
    """Abnar and Zuidema 2020, equation 1, with the residual connection as half an identity. [B,T,T]"""
    joint = None
    for a in matrices:
        a = 0.5 * a.mean(1) + 0.5 * torch.eye(a.shape[-1], dtype=a.dtype)
        a = a / a.sum(-1, keepdim=True)
        joint = a if joint is None else a @ joint
    return joint


def relevance(matrices, gradients):
    """Chefer, Gur and Wolf 2021 (ICCV), equations 5 and 6, for self-attention, less the identity that it begins with:
    their maps leave out the token that is asked, which is all it adds to. [B,T,T]"""
    identity = torch.eye(matrices[0].shape[-1], dtype=matrices[0].dtype).expand(len(matrices[0]), -1, -1)
    r = identity
    for a, g in zip(matrices, gradients):
        r = r + (a * g).clamp(min=0).mean(1) @ r
    return r - identity


def token_grad_cam(tokens, gradient, before):
    """Selvaraju and others 2017, equations 1 and 2, with the patches' tokens as positions. [B,P]"""
    tokens, gradient = tokens[:, before:], gradient[:, before:]
    return (tokens * gradient.mean(1, keepdim=True)).sum(-1).clamp(min=0)


class WithoutDropPath(nn.Module):
    def __init__(self, model, depth):
        super().__init__()
        self.model, self.depth = model, depth

    def forward(self, x):
        return self.model(x, torch.ones(2 * self.depth, len(x), dtype=x.dtype))


def pixel_maps(model, x, classes):
    """captum's maps of the image, and how complete the integral is."""
    line = IntegratedGradients(model)
    integrated, delta = line.attribute(x, baselines=torch.zeros_like(x), target=classes, n_steps=STEPS,
                                       method="gausslegendre", return_convergence_delta=True)
    return {
        "gradient": Saliency(model).attribute(x, target=classes, abs=False),
        "gradient-input": InputXGradient(model).attribute(x, target=classes),
        "integrated": integrated,
    }, delta


def token_maps(model, norm1, x, classes, before, pooled):
    """The maps of a ViT. norm1 is the last block's, pooled the tokens whose mean the head reads."""
    kept = []
    hook = norm1.register_forward_hook(lambda _, inputs, output: kept.append(output))
    with Attention() as matrices:
        scores = model(x)
    hook.remove()
    gradients = torch.autograd.grad(scores.gather(1, classes[:, None]).sum(), [*matrices, kept[0]])
    side = math.isqrt(matrices[0].shape[-1] - before)
    read = lambda r: r[:, pooled].mean(1)[:, before:].reshape(-1, side, side)
    return {
        "rollout": read(rollout(matrices)),
        "relevance": read(relevance(matrices, gradients[:-1])),
        "grad-cam": token_grad_cam(kept[0], gradients[-1], before).reshape(-1, side, side),
    }


def choose(model, x):
    scores = model(x).detach()
    return scores, torch.tensor([int(scores[0].argmax()), SECOND_CLASS])


def encode(v):
    return base64.b64encode(v.detach().numpy().astype("<f4").tobytes()).decode()


def write(folder, name, scores, classes, maps, delta, features=None, more=None):
    golden = {
        "versions": {"torch": torch.__version__, "timm": timm.__version__, "captum": captum.__version__},
        "steps": STEPS, "classes": classes.tolist(), "scores": encode(scores), "gap": delta.tolist(),
        "maps": {k: encode(v) for k, v in maps.items()}, "features": encode(features) if features is not None else None,
        **(more or {}),
    }
    path = folder / f"{name}.json.gz"
    path.write_bytes(gzip.compress(json.dumps(golden, separators=(",", ":")).encode(), 9, mtime=0))
    print(f"{name:20} classes {classes.tolist()}  delta {delta.abs().max():.1e}  {path.stat().st_size} bytes")


def built(name):
    """A ViT that Fovea builds, drawn as vit.py draws it."""
    c = vit.CASES[name]
    rules = vit.rules(c)
    retfound = RETFound(c)
    retfound.load_state_dict({n: torch.from_numpy(vit.draw(rules, n, list(p.shape)))
                              for n, p in retfound.named_parameters()})
    retfound = retfound.double().eval()
    model = WithoutDropPath(retfound, c.depth)
    x = torch.from_numpy(vit.draw(rules, "images", [c.batch, 3, c.image, c.image]))[:IMAGES].double()
    scores, classes = choose(model, x)
    maps, delta = pixel_maps(model, x, classes)
    pooled = slice(0, 1) if c.pool == "cls" else slice(1, None)
    maps |= token_maps(model, retfound.blocks[-1].norm1, x, classes, 1, pooled)
    with torch.no_grad():
        features = retfound.forward_head(retfound.forward_features(x), pre_logits=True)
    write(TESTDATA, name, scores, classes, maps, delta, features, {"config": vars(c), "rules": rules})


def exported(name):
    """A model that imported.py exports."""
    model, x, _ = imported.build(name)
    model, x = model.double(), x.double()
    scores, classes = choose(model, x)
    maps, delta = pixel_maps(model, x, classes)
    if isinstance(model, imported.ViT):
        maps |= token_maps(model, model.blocks[-1].norm1, x, classes, 0, slice(None))
    if isinstance(model, imported.CNN):
        maps["grad-cam"] = LayerGradCam(model, model.head[0]).attribute(
            x, target=classes, attribute_to_layer_input=True, relu_attributions=True)
    write(TESTDATA, name, scores, classes, maps, delta, more={"images": encode(x)})


# How to make each model, the module behind which its Grad-CAM is, and the number of other tokens before the patches.
MODELS = {
    "resnet18": (lambda: torchvision.models.resnet18(num_classes=10), lambda m: m.layer4, None),
    "convnext_tiny": (lambda: torchvision.models.convnext_tiny(num_classes=10), lambda m: m.features, None),
    "vit_b_16": (lambda: torchvision.models.vit_b_16(num_classes=10), lambda m: m.encoder.layers[-1].ln_1, 1),
    "deit_small": (lambda: timm.create_model("deit_small_patch16_224", num_classes=10),
                   lambda m: m.blocks[-1].norm1, 1),
    "vit_small_dinov2": (lambda: timm.create_model("vit_small_patch14_dinov2", img_size=224, num_classes=10),
                         lambda m: m.blocks[-1].norm1, 1),
    "vit_little_reg4_gap": (lambda: timm.create_model("vit_little_patch16_reg4_gap_256", num_classes=10),
                            lambda m: m.blocks[-1].norm1, 4),
}


def foreign(folder, name):
    """A model of timm or torchvision, exported as users do."""
    make, layer, before = MODELS[name]
    # With seed 0 a rounding error decides a maximum or a kink of ResNet's first layers. Then 219 values of the gradient
    # around it are up to 2.6e-2 off, all others within 1e-4.
    torch.manual_seed(1 if name == "resnet18" else 0)
    model = make().eval()
    for n, p in model.named_parameters():  # fresh biases are 0, and LayerScale 1e-5
        p.data += (0.1 if "gamma" in n or "layer_scale" in n else 0.02) * torch.randn_like(p)
    for m in model.modules():  # few inputs of ReLU are near its kink, where a rounding error would decide
        if isinstance(m, nn.BatchNorm2d):
            m.bias.data += 3
    size = 256 if name.endswith("gap") else 224
    x = torch.randn(IMAGES, 3, size, size)
    timm.layers.set_fused_attn(True)
    torch.onnx.export(model, (x,), folder / f"{name}.onnx", dynamo=True, external_data=False, input_names=["images"],
                      output_names=["logits"], dynamic_shapes=({0: torch.export.Dim("batch")},))
    timm.layers.set_fused_attn(False)
    with_attention = make().eval() if name != "vit_b_16" else model  # timm looks at the switch when it builds
    with_attention.load_state_dict(model.state_dict())
    model, x = with_attention.double(), x.double()
    scores, classes = choose(model, x)
    maps = {"gradient": Saliency(model).attribute(x, target=classes, abs=False)}
    if before is None:
        maps["grad-cam"] = LayerGradCam(model, layer(model)).attribute(x, target=classes, relu_attributions=True)
    elif name == "vit_b_16":
        kept = []
        hook = layer(model).register_forward_hook(lambda _, inputs, output: kept.append(output))
        gradient, = torch.autograd.grad(model(x).gather(1, classes[:, None]).sum(), kept)
        hook.remove()
        maps["grad-cam"] = token_grad_cam(kept[0], gradient, before)
    else:
        pooled = slice(4, None) if name.endswith("gap") else slice(0, 1)
        maps |= token_maps(model, layer(model), x, classes, before, pooled)
    features = None
    if hasattr(model, "forward_head"):
        features = model.forward_head(model.forward_features(x), pre_logits=True)
    write(folder, name, scores, classes, maps, torch.zeros(IMAGES), features, {"images": encode(x)})


def numbers():
    """What is computed of maps and features: resizing, rank correlation, principal components, and NumPy's file
    format."""
    draw = lambda name, *shape: vit_random.fill(name, math.prod(shape), 0, 1).reshape(shape)
    a, b = draw("a", 3, 4), np.round(draw("b", 3, 4) * 3)  # b has ties
    rows = draw("rows", 12, 5) * np.float32([5, 3, 1, 0.5, 0.2])
    pca = PCA(2).fit(rows.astype(np.float64))
    file = io.BytesIO()
    np.save(file, a)
    golden = {
        "a": a.ravel().tolist(), "b": b.ravel().tolist(), "rho": spearmanr(a.ravel(), b.ravel()).statistic,
        "enlarged": nn.functional.interpolate(torch.from_numpy(a)[None, None], size=(7, 7),
                                              mode="bilinear").ravel().tolist(),
        "rows": rows.ravel().tolist(), "components": pca.transform(rows.astype(np.float64)).ravel().tolist(),
        "shares": pca.explained_variance_ratio_.tolist(), "npy": base64.b64encode(file.getvalue()).decode(),
    }
    (TESTDATA / "numbers.json").write_text(json.dumps(golden) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=pathlib.Path, metavar="DIR", help="write larger models and their maps")
    parser.add_argument("--names", default=",".join(MODELS), help="of the larger models, separated by commas")
    options = parser.parse_args()
    if options.models:
        options.models.mkdir(parents=True, exist_ok=True)
        for name in options.names.split(","):
            foreign(options.models, name)
        return
    timm.layers.set_fused_attn(False)
    TESTDATA.mkdir(parents=True, exist_ok=True)
    for name in ("vit_tiny_mean", "vit_tiny_cls"):
        built(name)
    for name in ("cnn_torchscript17", "vit_torchscript11"):
        exported(name)
    numbers()


if __name__ == "__main__":
    main()
