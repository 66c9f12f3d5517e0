"""Classifiers of torchvision and timm as PyTorch's two exporters write them, and their gradients by autograd.

    classifiers.py DIR [MODEL…]     writes DIR/MODEL.EXPORT.onnx and DIR/MODEL.EXPORT.safetensors, a few GB for all
    FOVEA_CLASSIFIERS=DIR go test ./models/imported -run Classifiers -v -timeout 1h
                                    differentiates each of the models and compares

Parameters are random, and none is all zeros or all ones as fresh ones may be; statistics of BatchNorm are those of the
images. Models are in eval mode. EXPORT is one of

    torchscript   torch.onnx.export(dynamo=False), which folds BatchNorm into convolutions, and all that parameters
                  alone decide
    unfolded      the same with do_constant_folding=False, training=TrainingMode.PRESERVE, if the first folded anything
    dynamo        torch.onnx.export(dynamo=True), which folds too

with the exporter's own opset and a symbolic batch. The .safetensors has images, targets and the loss (cross-entropy),
and as grad/NAME the gradient of each initializer NAME: a parameter, as it is or with its axes in another order, or a
tensor that was folded from parameters, such as a bias gathered from a table or the weights of a convolution with its
BatchNorm. The script fails if a parameter is in the file in none of these ways, and prints at which batches of 1, 2 and
3 the file's logits are PyTorch's. Needs requirements.txt and imported-requirements.txt. Nothing of what it writes is
kept with the source.
"""

import argparse
import inspect
import itertools
import pathlib
import warnings

import numpy as np
import onnx
import onnxruntime
import timm
import torch
import torchvision
from onnx import numpy_helper
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

CLASSES = 10
TOLERANCE = 1e-4  # of logits, as a part of the largest


def tv(name, size=224):
    return size, lambda: getattr(torchvision.models, name)(weights=None, num_classes=CLASSES)


def of_timm(name, size=224, **options):
    return size, lambda: timm.create_model(name, pretrained=False, num_classes=CLASSES, **options)


MODELS = {  # image size, how to make it
    "resnet18": tv("resnet18"),
    "resnet50": tv("resnet50"),
    "convnext_tiny": tv("convnext_tiny"),
    "swin_t": tv("swin_t"),
    "efficientnet_b0": tv("efficientnet_b0"),
    "mobilenet_v3_large": tv("mobilenet_v3_large"),
    "densenet121": tv("densenet121"),
    "regnet_y_400mf": tv("regnet_y_400mf"),
    "deit_small": of_timm("deit_small_patch16_224"),
    "vit_small_dinov2": of_timm("vit_small_patch14_dinov2", img_size=224),
    "beit_base": of_timm("beit_base_patch16_224"),
    "maxvit_t": tv("maxvit_t"),
    "coatnet_0": of_timm("coatnet_0_rw_224"),
    "eva02_tiny": of_timm("eva02_tiny_patch14_336", 336),
    # The other library's of the same name, and further ones of torchvision.
    "timm_swin_tiny": of_timm("swin_tiny_patch4_window7_224"),
    "timm_convnext_tiny": of_timm("convnext_tiny"),
    "timm_maxvit_tiny": of_timm("maxvit_tiny_tf_224"),
    "timm_efficientnet_b0": of_timm("efficientnet_b0"),
    "squeezenet1_1": tv("squeezenet1_1"),
    "shufflenet_v2_x1_0": tv("shufflenet_v2_x1_0"),
    "googlenet": (224, lambda: torchvision.models.googlenet(weights=None, num_classes=CLASSES, init_weights=True)),
    "inception_v3": (299,
                     lambda: torchvision.models.inception_v3(weights=None, num_classes=CLASSES, init_weights=True)),
}


def build(name):
    size, make = MODELS[name]
    torch.manual_seed(0)
    model = make()
    images = torch.randn(2, 3, size, size)
    for p in model.parameters():
        first = p.data.flatten()[0]
        if not (p.data == first).all():
            p.data *= 1 + 0.05 * torch.randn_like(p)
        elif first == 0:
            p.data = 0.1 * torch.randn_like(p)
        else:  # a scale; LayerScale starts so small that its layer does nothing
            p.data = (1 if first == 1 else 0.5) * (1 + 0.2 * torch.randn_like(p))
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    has = lambda *kinds: any(isinstance(m, kinds) for m in model.modules())
    hardswish, smooth = has(nn.Hardswish), has(nn.SiLU, nn.GELU)
    model.eval()
    for m in norms:  # away from kinks, where a rounding error decides about the gradient
        if hardswish:  # at -3 and 3, and ReLU's in the same model
            m.weight.data *= 0.4
            m.bias.data += 1.5
        elif not smooth:  # ReLU's, which few inputs stay below
            m.bias.data += 4
        m.momentum = 1.0
        m.train()
    with torch.no_grad():
        model(images)
    for m in norms:
        m.running_mean += 0.1 * m.running_var.sqrt() * torch.randn_like(m.running_mean)
        m.running_var *= (0.2 * torch.randn_like(m.running_var)).exp()
    targets = torch.randn(2, CLASSES).softmax(-1)
    return model.eval(), images, targets


def export(model, images, kind, path):
    options = {"input_names": ["images"], "output_names": ["logits"], "verbose": False}
    if kind == "dynamo":
        options |= {"dynamo": True, "dynamic_shapes": ({0: torch.export.Dim("batch")},)}
    else:
        options |= {"dynamo": False, "dynamic_axes": {"images": {0: "batch"}, "logits": {0: "batch"}}}
    if kind == "unfolded":
        options |= {"do_constant_folding": False, "training": torch.onnx.TrainingMode.PRESERVE}
    try:
        torch.onnx.export(model, (images,), path, **options)
    except Exception as e:
        fused = [m for m in model.modules() if getattr(m, "fused_attn", False)]
        if not fused:
            raise
        for m in fused:  # as timm.layers.set_fused_attn(False) does before a model is made
            m.fused_attn = False
        torch.onnx.export(model, (images,), path, **options)
        print(f"{path.name}: exported with timm.layers.set_fused_attn(False), without it: "
              f"{str(e.__cause__ or e)[:200]}", flush=True)
        for m in fused:
            m.fused_attn = True


class Folded(TorchFunctionMode):
    """Keeps every tensor that parameters and constants alone decide. Batch normalisation of a convolution's result
    becomes a convolution with the weights that exporters fold."""

    def __init__(self, model, fuse):
        super().__init__()
        self.fuse = fuse
        self.roots = {id(p): {name} for name, p in model.named_parameters()}  # tensor → parameters that it comes from
        self.constant = {id(b) for b in model.buffers()}
        self.kept, self.convolutions, self.alive = list(model.parameters()), {}, list(model.buffers())

    def keep(self, tensor, roots):
        if id(tensor) not in self.roots and tensor.requires_grad:
            tensor.retain_grad()
            self.roots[id(tensor)] = roots
            self.kept.append(tensor)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if self.fuse and function is F.batch_norm and id(args[0]) in self.convolutions:
            given = inspect.signature(F.batch_norm).bind(*args, **kwargs).arguments
            return self.fused(*self.convolutions[id(args[0])],
                              *(given[k] for k in ("running_mean", "running_var", "weight", "bias", "eps")))
        result = function(*args, **kwargs)
        if function in (torch.conv2d, F.conv2d):
            self.convolutions[id(result)] = (args, kwargs)
            self.alive.append(result)
        inputs = [a for a in flat((args, kwargs)) if isinstance(a, torch.Tensor)]
        if all(id(a) in self.roots or id(a) in self.constant for a in inputs):
            roots = set().union(*(self.roots.get(id(a), set()) for a in inputs))
            for r in flat(result):
                if isinstance(r, torch.Tensor) and r.is_floating_point() and roots:
                    self.keep(r, roots)
                elif isinstance(r, torch.Tensor):
                    self.constant.add(id(r))
                    self.alive.append(r)
        return result

    def fused(self, args, kwargs, mean, variance, scale, shift, eps):
        x, weight, bias, *others = *args[:3], *([None] if len(args) < 3 else []), *args[3:]
        factor = scale * (variance + eps).rsqrt()
        w = weight * factor.reshape(-1, 1, 1, 1)
        b = shift + ((0 if bias is None else bias) - mean) * factor
        roots = self.roots[id(weight)] | self.roots[id(scale)] | self.roots[id(shift)]
        self.keep(w, roots)
        self.keep(b, roots if bias is None else roots | self.roots[id(bias)])
        return torch.conv2d(x, w, b, *others, **kwargs)


def flat(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in flat(item)]
    return [value]


def stored(path):
    """The tensors in a model file that may be parameters."""
    model = onnx.load(path)
    tensors = [(t.name, t) for t in model.graph.initializer]
    tensors += [(n.output[0], n.attribute[0].t) for n in model.graph.node if n.op_type == "Constant"
                and n.attribute[0].name == "value"]
    for name, tensor in tensors:
        value = numpy_helper.to_array(tensor)
        if value.dtype == np.float32 and value.size > 1:
            yield name, value


def orders(shape):
    """Orders of axes that an exporter may store a tensor in; the first is its own."""
    return list(itertools.permutations(range(len(shape)))) if len(shape) <= 4 else [tuple(range(len(shape)))]


def match(value, candidates):
    """The candidate whose content an initializer has, and its gradient laid out as the initializer is."""
    near = lambda a: np.abs(a.reshape(-1) - value.reshape(-1)).max() <= 1e-6 * np.abs(value).max()
    total = np.abs(value).sum(dtype=np.float64)
    for tensor, content, its_total in candidates.get(value.size, []):
        if abs(total - its_total) > 1e-5 * total:
            continue
        for order in orders(content.shape):
            if near(content.transpose(order)):
                return tensor, tensor.grad.permute(order).reshape(value.shape).contiguous()
    return None, None


def gradients(model, images, targets, fuse, path):
    """The loss, and its gradients by the names of the file's initializers; how many of these are parameters."""
    model.zero_grad()
    with Folded(model, fuse) as folded:
        loss = -(targets * model(images).log_softmax(-1)).sum() / len(targets)
    loss.backward()
    candidates = {}
    for t in folded.kept:
        if t.grad is not None:
            content = t.detach().numpy()
            candidates.setdefault(content.size, []).append((t, content, np.abs(content).sum(dtype=np.float64)))
    out = {"images": images, "targets": targets, "loss": loss.detach()}
    parameters = {id(p): name for name, p in model.named_parameters() if p.grad is not None}
    seen, direct, reached = {}, 0, set()
    for name, value in stored(path):
        tensor, gradient = match(value, candidates)
        if tensor is None:
            continue
        if id(tensor) in seen:
            raise RuntimeError(f"{name} and {seen[id(tensor)]} hold the same")
        seen[id(tensor)] = name
        reached |= folded.roots[id(tensor)]
        direct += id(tensor) in parameters
        out["grad/" + name] = gradient
    missing = set(parameters.values()) - reached
    if missing:
        raise RuntimeError(f"{len(missing)} parameters are not in the file: {sorted(missing)[:8]}")
    return out, direct


def runs(model, images, path):
    """Which batches the file can run: 1, 2 and 3 are tried."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    right = []
    for batch in (1, 2, 3):
        x = images.repeat(2, 1, 1, 1)[:batch]
        with torch.no_grad():
            want = model(x).numpy()
        try:
            got, = session.run(None, {"images": x.numpy()})
        except Exception:
            continue
        off = np.abs(got - want).max() / np.abs(want).max()
        if got.shape == want.shape and off <= TOLERANCE:
            right.append(batch)
        else:
            print(f"{path.name}: logits of batch {batch} are {off:.1e} off")
    return right


def write(folder, name):
    model, images, targets = build(name)
    if write_export(folder, name, "torchscript", model, images, targets):
        write_export(folder, name, "unfolded", model, images, targets)
    write_export(folder, name, "dynamo", model, images, targets)


def write_export(folder, name, kind, model, images, targets):
    """Returns how many tensors the exporter folded."""
    path = folder / f"{name}.{kind}.onnx"
    try:
        if not path.exists():
            export(model, images, kind, path)
    except Exception as e:
        path.unlink(missing_ok=True)
        print(f"{path.name}: the exporter fails: {str(e.__cause__ or e)[:300]}", flush=True)
        return 0
    batches = runs(model, images, path)
    out, direct = gradients(model, images, targets, kind != "unfolded", path)
    save_file(out, path.with_suffix(".safetensors"))
    folded = len(out) - 3 - direct
    print(f"{path.name}: batches {batches}, {direct} parameters as they are, {folded} folded tensors", flush=True)
    return folded


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser()
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    args = parser.parse_args()
    args.dir.mkdir(parents=True, exist_ok=True)
    for model in args.models or MODELS:
        write(args.dir, model)
