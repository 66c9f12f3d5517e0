"""Writes graphs/autodiff/testdata/edges.json.gz: gradients by PyTorch at the edges of functions.

    python tools/oracle/edges.py

A case applies an ONNX operator at zeros, kinks, huge and infinite values, and gives the gradient of the sum of its outputs, each times
a cotangent. PyTorch computes it; a function that PyTorch lacks is composed of its operators. Arrays are float32, little-endian, base64.
"""

import base64
import gzip
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

OUT = pathlib.Path(__file__).parents[2] / "graphs" / "autodiff" / "testdata" / "edges.json.gz"

inf, nan = float("inf"), float("nan")
FINITE = [0.0, -0.0, 1e-20, -1e-20, 1e-8, -1e-8, 0.25, -0.25, 0.5, -0.5, 1, -1, 1.5, -1.5, 3, -3, 6, -6, 10, -10, 20, -20, 60, -60,
          88, -88, 89, -89, 100, -100, 1e4, -1e4, 1e10, -1e10, 1e18, -1e18]
ALL = FINITE + [1e20, -1e20, 3e38, -3e38, inf, -inf]

UNARY = {
    "Abs": torch.abs, "Acos": torch.acos, "Acosh": torch.acosh, "Asin": torch.asin, "Asinh": torch.asinh, "Atan": torch.atan,
    "Atanh": torch.atanh, "Cos": torch.cos, "Cosh": torch.cosh, "Erf": torch.erf, "Exp": torch.exp, "Log": torch.log,
    "Neg": torch.neg, "Reciprocal": torch.reciprocal, "Sigmoid": torch.sigmoid, "Sin": torch.sin, "Sinh": torch.sinh,
    "Softplus": F.softplus, "Softsign": F.softsign, "Sqrt": torch.sqrt, "Tan": torch.tan, "Tanh": torch.tanh, "Celu": F.celu,
    "Elu": F.elu, "Gelu": F.gelu, "HardSigmoid": lambda x: torch.clamp(0.2 * x + 0.5, 0, 1), "HardSwish": F.hardswish,
    "LeakyRelu": F.leaky_relu, "Mish": F.mish, "Relu": F.relu, "Selu": F.selu, "Swish": F.silu,
    "ThresholdedRelu": lambda x: F.threshold(x, 1, 0), "Shrink": lambda x: torch.where(x.abs() > 0.5, x, 0 * x),
}

BASES = [0.0, -0.0, 1e-20, 0.5, 1, 2, 100, 1e20, inf, -1, -2, -0.5, -inf]
EXPONENTS = [0.0, 0.5, 1, 2, 3, 0.25, -1, -0.5, 30, inf, -inf]


def encode(x):
    return base64.b64encode(np.ascontiguousarray(np.asarray(x), "<f4").tobytes()).decode()


cases = []


def case(op, function, *inputs, domain="", constants=(), cotangent=1.0, name="", opset=0, **attributes):
    """A case of op; inputs are arrays or None. constants are int64 lists that follow the inputs, or None for an absent input."""
    leaves = [None if x is None else torch.tensor(np.asarray(x, np.float32), requires_grad=True) for x in inputs]
    y = function(*leaves)
    dy = torch.broadcast_to(torch.tensor(cotangent, dtype=torch.float32), y.shape)
    given = [x for x in leaves if x is not None]
    gradients = iter(torch.autograd.grad(y, given, dy, allow_unused=True))
    gradients = [None if x is None else next(gradients) for x in leaves]
    cases.append({
        "Name": f"{op} {name}".strip(), "Op": op, "Domain": domain, "Attributes": attributes,
        "Inputs": [None if x is None else {"Shape": list(x.shape), "Data": encode(x.detach())} for x in leaves],
        "Constants": [None if c is None else list(c) for c in constants], "Shape": list(y.shape), "Cotangent": encode(dy),
        "Gradients": [None if g is None else encode(g) for g in gradients]})


def elementwise():
    for op, f in UNARY.items():
        case(op, f, FINITE if op == "Softsign" else ALL)  # PyTorch's slope of a softsign at infinity is NaN, where 0 is right
        case(op, f, FINITE, cotangent=0.0, name="without a gradient")
    case("Gelu", lambda x: F.gelu(x, approximate="tanh"), FINITE, name="tanh", approximate="tanh")
    a, b = (x.ravel() for x in np.meshgrid(BASES, EXPONENTS))
    case("Pow", torch.pow, a, b)
    for e in EXPONENTS:  # an exponent for all
        case("Pow", lambda x, p: torch.pow(x, p), BASES, [e], name=f"exponent {e}")
    case("Pow", lambda x: x ** 2, BASES, constants=([2],), name="whole exponent 2")
    case("Pow", lambda x: x ** 0, BASES, constants=([0],), name="whole exponent 0")
    case("Pow", torch.pow, [0.0, 0, 0, 1, 2], [0.0, 0.5, 2, 0, 1], cotangent=0.0, name="without a gradient")
    a, b = (x.ravel() for x in np.meshgrid(BASES, BASES))
    case("Div", torch.div, a, b)
    case("Mul", torch.mul, a, b)
    case("Max", torch.maximum, a, b)
    case("Min", torch.minimum, a, b)
    case("Mod", torch.fmod, [x for x in a if abs(x) < inf], [y for x, y in zip(a, b) if abs(x) < inf], fmod=1)
    case("PRelu", F.prelu, FINITE, [0.25], name="at kinks")
    case("Clip", lambda x, low, high: torch.clamp(x, 0, 6), FINITE, 0.0, 6.0, name="both bounds")  # constants, as exporters write
    case("Clip", lambda x, low: torch.clamp(x, min=0.5), FINITE, 0.5, name="lower bound")
    case("Clip", lambda x, _, high: torch.clamp(x, max=0.5), FINITE, None, 0.5, name="upper bound")
    case("Clip", lambda x: x + 0, FINITE, name="no bound")


def reductions():
    rows = {"zeros": [0.0, 0, 0], "a zero": [0.0, 3, 4], "huge": [1e18, 0, -1e18], "tiny": [1e-20, 0, 0], "equal": [2.0, 2, 2],
            "negative": [-1.0, -2, -3], "mixed": [-1.0, 0, 2]}
    for name, row in rows.items():
        x = [row]
        case("ReduceL1", lambda x: x.norm(1, 1, keepdim=True), x, constants=([1],), name=name)
        case("ReduceL2", lambda x: x.norm(2, 1, keepdim=True), x, constants=([1],), name=name)
        case("ReduceSumSquare", lambda x: x.square().sum(1, keepdim=True), x, constants=([1],), name=name)
        case("ReduceMax", lambda x: x.amax(1, keepdim=True), x, constants=([1],), name=name)
        case("ReduceMin", lambda x: x.amin(1, keepdim=True), x, constants=([1],), name=name)
        case("ReduceMean", lambda x: x.mean(1, keepdim=True), x, constants=([1],), name=name)
        case("ReduceProd", lambda x: x.prod(1, keepdim=True), x, constants=([1],), name=name)
        if name != "negative":  # whose logarithm is NaN
            case("ReduceLogSum", lambda x: x.sum(1, keepdim=True).log(), x, constants=([1],), name=name)
        case("ReduceLogSumExp", lambda x: x.logsumexp(1, keepdim=True), x, constants=([1],), name=name)
        case("Softmax", lambda x: x.softmax(1), x, cotangent=[[1, 2, 4]], name=name, axis=1)
        case("LogSoftmax", lambda x: x.log_softmax(1), x, cotangent=[[1, 2, 4]], name=name, axis=1)
        if name != "huge":
            def layer_norm(x, w, b):
                return F.layer_norm(x, [3], w, b, 1e-5)
            case("LayerNormalization", layer_norm, x, [1.0, 2, 3], [0.0, 1, 2], cotangent=[[1, 2, 4]], name=name, axis=-1, epsilon=1e-5)
            case("MeanVarianceNormalization", lambda x: (x - x.mean(1, True)) / (x.std(1, correction=0, keepdim=True) + 1e-9), x,
                 cotangent=[[1, 2, 4]], name=name, axes=[1])
            case("LpPool", lambda x: x.norm(2, 2, keepdim=True), [x], name=name, kernel_shape=[3], p=2)
            case("LpPool", lambda x: x.norm(1, 2, keepdim=True), [x], name=name + " p 1", kernel_shape=[3], p=1)
            case("LpPool", lambda x: x.norm(3, 2, keepdim=True), [x], name=name + " p 3", kernel_shape=[3], p=3)
            case("CDist", lambda a, b: torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist"), x, [row, [1.0, 1, 1]],
                 domain="com.microsoft", name=name, metric="euclidean")
        if name not in ("huge", "tiny"):  # whose squares are not in range
            for p in (1, 2):
                case("LpNormalization", lambda x: x * 0 if name == "zeros" else x / x.norm(p, 1, keepdim=True), x,
                     cotangent=[[1, 2, 4]], name=f"{name} p {p}", axis=1, p=p)
    for name, row in {"masked": [-inf, 1, 2], "all masked but one": [-inf, -inf, 2], "far apart": [-1e4, 0, 1e4], "huge": [3e38, 0, 0],
                      "infinite": [inf, 0, 0], "all masked": [-inf, -inf, -inf]}.items():
        case("ReduceLogSumExp", lambda x: x.logsumexp(1, keepdim=True), [row], constants=([1],), name=name)
        case("Softmax", lambda x: x.softmax(1), [row], cotangent=[[1, 2, 4]], name=name, axis=1)
        case("LogSoftmax", lambda x: x.log_softmax(1), [row], cotangent=[[1, 2, 4]], name=name, axis=1)


def main():
    elementwise()
    reductions()
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_bytes(gzip.compress(json.dumps(cases).encode(), 9, mtime=0))
    print(len(cases), "cases,", OUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
