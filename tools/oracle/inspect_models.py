"""What PyTorch says of the FLOPs and parameters that `trainer inspect` and graphs/cost count.

    inspect_models.py                    writes the figures of single operators and of the models of imported.py to
                                         graphs/cost/testdata and models/inspect/testdata
    inspect_models.py --run TRAINER      exports timm's models with random weights, runs `TRAINER inspect -json` and
                                         compares; nothing is kept
    inspect_models.py --peak TRAINER     the same for the memory of forward, beside what ONNX Runtime takes (Linux)

FLOPs are those of torch.utils.flop_counter.FlopCounterMode, two a multiply-add. Needs requirements.txt.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import warnings

import timm
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import imported

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ("resnet50", "swin_tiny_patch4_window7_224", "convnext_tiny", "vit_base_patch16_224", "efficientnet_b0",
          "densenet121", "mobilenetv3_large_100", "regnety_004")


def flops(run) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    return counter.get_total_flops()


def case(op, module, inputs, domain="", **attributes):
    """An operator of ONNX beside the PyTorch function of the same inputs and weights."""
    tensors = [torch.randn(*s) if s else None for s in inputs]
    out = []
    count = flops(lambda: out.append(module(*tensors)))
    return {"op": op, "domain": domain, "attributes": attributes, "inputs": inputs, "output": list(out[0].shape),
            "flops": count}


def recurrent(cell, state_is_pair):
    """A layer of one direction as its cell, step by step: the fused kernel is not counted by PyTorch."""
    def run(x, w, r):
        model = cell(w.shape[2], r.shape[2])
        h = torch.zeros(x.shape[1], r.shape[2])
        state, steps = ((h, h) if state_is_pair else h), []
        for step in x:
            state = model(step, state)
            steps.append(state[0] if state_is_pair else state)
        return torch.stack(steps).unsqueeze(1)
    return run


def attend(q, k, v):
    """torch.nn.functional.scaled_dot_product_attention's definition, with keys for groups of heads."""
    k, v = (t.repeat_interleave(q.shape[1] // t.shape[1], 1) for t in (k, v))
    return (q @ k.transpose(-2, -1)).softmax(-1) @ v


def packed(x, w):
    """Queries and keys of 6 features and values of 4 in each of two heads, of one product."""
    q, k, v = (split(t, 2) for t in (x @ w).split([12, 12, 8], 2))
    return attend(q, k, v).transpose(1, 2).flatten(2)


def split(t, heads):
    return t.unflatten(2, (heads, -1)).transpose(1, 2)


def operators():
    f, microsoft = nn.functional, "com.microsoft"
    equation = "bqhd,bkhd->bhqk"
    return [
        case("MatMul", torch.matmul, [[2, 3, 4, 5], [3, 5, 7]]),
        case("Gemm", lambda a, b, c: torch.addmm(c, a.T, b.T), [[5, 6], [7, 5], [7]], transA=1, transB=1),
        case("Conv", lambda x, w: f.conv2d(x, w, stride=2, padding=1, groups=2), [[2, 4, 9, 11], [6, 2, 3, 3]],
             group=2),
        case("Conv", lambda x, w: f.conv3d(x, w), [[1, 2, 4, 5, 6], [3, 2, 2, 1, 3]]),
        case("ConvTranspose", lambda x, w: f.conv_transpose2d(x, w, stride=2, groups=2), [[2, 4, 5, 6], [4, 3, 3, 2]],
             group=2),
        case("Einsum", lambda q, k: torch.einsum(equation, q, k), [[2, 5, 3, 4], [2, 6, 3, 4]], equation=equation),
        case("Einsum", lambda a, b: torch.einsum("...ij,jk->...ik", a, b), [[2, 3, 4, 5], [5, 6]],
             equation="...ij,jk->...ik"),
        case("Attention", attend, [[2, 4, 5, 6], [2, 2, 7, 6], [2, 2, 7, 3]]),
        case("Attention", lambda q, k, v: attend(split(q, 4), split(k, 2), split(v, 2)).transpose(1, 2).flatten(2),
             [[2, 5, 24], [2, 7, 12], [2, 7, 6]], q_num_heads=4, kv_num_heads=2),
        case("Attention", packed, [[2, 5, 7], [7, 32]], microsoft, num_heads=2),
        case("MultiHeadAttention", lambda q, k, v: attend(*(split(t, 2) for t in (q, k, v))).transpose(1, 2).flatten(2),
             [[2, 5, 12], [2, 7, 12], [2, 7, 8]], microsoft, num_heads=2),
        case("FusedMatMul", lambda a, b: a.transpose(1, 2) @ b, [[2, 5, 3], [2, 5, 4]], microsoft, transA=1),
        case("FusedConv", lambda x, w: f.relu(f.conv2d(x, w)), [[2, 4, 5, 6], [3, 4, 2, 2]], microsoft),
        case("LSTM", recurrent(nn.LSTMCell, True), [[5, 2, 3], [1, 16, 3], [1, 16, 4]]),
        case("GRU", recurrent(nn.GRUCell, False), [[5, 2, 3], [1, 12, 3], [1, 12, 4]]),
        case("RNN", recurrent(nn.RNNCell, False), [[5, 2, 3], [1, 4, 3], [1, 4, 4]]),
        case("Softmax", lambda x: x.softmax(-1), [[3, 4]]),
    ]


def of_model(model, x):
    return {"flops": flops(lambda: model(x)), "parameters": sum(p.numel() for p in model.parameters())}


def write():
    torch.manual_seed(0)
    models = []
    for name in imported.CASES:
        model, x, _ = imported.build(name)
        models.append({"name": name, **of_model(model, x)})
    for path, content in ("graphs/cost", operators()), ("models/inspect", models):
        path = ROOT / path / "testdata" / "flops.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text("[\n" + ",\n".join(json.dumps(entry) for entry in content) + "\n]\n")
        print(path.relative_to(ROOT))


def saved_bytes(model, x) -> int:
    """What autograd keeps for backward, without parameters and buffers."""
    own = {t.untyped_storage().data_ptr() for t in (*model.parameters(), *model.buffers())}
    kept, tensors = {}, []

    def pack(t):
        storage = t.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
            tensors.append(t)  # so that no address is used twice
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        y = model(x)
    del y
    return sum(kept.values())


def export(model, x, path, **options):
    torch.onnx.export(model, (x,), path, dynamo=False, opset_version=17, input_names=["images"],
                      output_names=["logits"], dynamic_axes={"images": {0: "batch"}}, **options)


def inspect(trainer, path, batch):
    command = [trainer, "inspect", path, "-batch", str(batch), "-json"]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(out)["model"]


def run(trainer):
    """Where the exporter would fold parameters into others (BatchNormalization, Swin's tables of positions) it is told
    not to. Swin's masks are buffers and count as parameters, as they are stored floats."""
    timm.layers.set_fused_attn(False)
    failed = False
    print(f"{'':30s}{'parameters':>12s}{'GFLOPs':>9s}  equal  {'backward reads':>15s}{'autograd keeps':>16s}")
    for name in MODELS:
        torch.manual_seed(0)
        model = timm.create_model(name).eval()
        for p in model.parameters():  # exporters store equal ones once
            p.data += 0.01 * torch.randn_like(p)
        x = torch.randn(2, 3, 224, 224)
        want = of_model(model, x)
        want["parameters"] += sum(b.numel() for n, b in model.named_buffers() if b.is_floating_point()
                                  and "running_" not in n)
        folds = not name.startswith("swin") and not any(isinstance(m, nn.BatchNorm2d) for m in model.modules())
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "m.onnx"
            export(model, x, path, do_constant_folding=folds,
                   training=torch.onnx.TrainingMode.EVAL if folds else torch.onnx.TrainingMode.PRESERVE)
            got = inspect(trainer, path, 2)
        parameters = got["parameters"]["elements"] - got["statistics"]["elements"]
        equal = parameters == want["parameters"] and got["measured"]["flops"] == want["flops"]
        failed |= not equal
        print(f"{name:30s}{parameters:12,d}{got['measured']['flops'] / 1e9:9.3f}  {'yes' if equal else want}  "
              f"{got['measured']['kept_bytes'] / 1e6:12.1f} MB{saved_bytes(model, x) / 1e6:13.1f} MB", flush=True)
    sys.exit(failed)


def peak_of_run(path, batch):
    """Bytes by which the process grows during a run, with the images: no optimisation, no arena, one thread."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    session.run(None, {"images": np.zeros((1, 3, 224, 224), np.float32)})
    resident = lambda: int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    before, seen, done = resident(), [0], threading.Event()

    def watch():
        while not done.is_set():
            seen.append(resident())
            time.sleep(0.0005)

    images = np.ones((batch, 3, 224, 224), np.float32)
    watcher = threading.Thread(target=watch)
    watcher.start()
    session.run(None, {"images": images})
    done.set()
    watcher.join()
    return max(seen) - before


def peak(trainer, batch=16):
    timm.layers.set_fused_attn(False)
    for name in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "m.onnx"
            export(timm.create_model(name).eval(), torch.randn(2, 3, 224, 224), path)
            got = inspect(trainer, path, batch)["measured"]["values_peak_bytes"]
            # Memory that is given up goes back to the system, and is not split among smaller pieces.
            env = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "100000", "MALLOC_TRIM_THRESHOLD_": "100000"}
            out = subprocess.run([sys.executable, __file__, "--child", path, str(batch)], check=True, env=env,
                                 stdout=subprocess.PIPE)
        print(f"{name:30s}{got / 1e6:8.1f} MB, ONNX Runtime takes {int(out.stdout) / 1e6:8.1f} MB", flush=True)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", metavar="TRAINER")
    parser.add_argument("--peak", metavar="TRAINER")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(peak_of_run(args.child[0], int(args.child[1])))
    elif args.peak:
        peak(args.peak)
    else:
        run(args.run) if args.run else write()
