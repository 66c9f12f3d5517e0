"""PyTorch's side of `gpu verify`: timm's ViT as RETFound fine-tunes it, stock, on a GPU or the CPU.

Reads requests from standard input, one JSON object a line, and answers each with one:

    the first    what to train: {"model": {"size", "patch", "width", "depth", "heads", "batch"}, "classes", "device",
                 "precision": fp32, tf32, bf16 or fp16, "compile", "drop_path", "layer_decay", "weight_decay", "weights",
                 "batches", "count", "threads"}; the answer has "versions"
    {"rates": [...]}   takes a step with each learning rate, batch after batch, and waits for the last:
                       {"seconds", "losses"}
    {"profile": true}  {"kernels": {name: {"calls", "seconds"}}} of a step, what the device did, on a CPU by operator
    {"memory": true}   {"driver": bytes of the GPU's memory taken since the start, "reserved", "allocated": PyTorch's peaks}

Any answer may be {"error": text, "memory": whether there was not enough of it}. The end of the input ends it.

weights is a safetensors file of all parameters, batches a file of float32 numbers: the images of `count` batches,
[count,batch,3,size,size], then their targets, [count,batch,classes]. Batches are page-locked before the clock starts and
copied in each step. A step does not wait for the one before: losses are read at the end of a request. AMP is
torch.autocast, with GradScaler for fp16; AdamW is fused, with RETFound's groups of layer-wise decay. Needs torch and timm.
"""

import contextlib
import json
import platform
import sys
import time
from functools import partial

import timm
import torch
from safetensors.torch import load_file
from timm.models.vision_transformer import VisionTransformer
from torch import nn

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


def groups(model: nn.Module, weight_decay: float, layer_decay: float) -> list[dict]:
    """RETFound's: embeddings are layer 0, block b layer b+1, the rest the last; no decay for vectors and embeddings."""
    last = len(model.blocks) + 1
    found: dict[tuple, dict] = {}
    for name, p in model.named_parameters():
        layer = last
        if name in ("cls_token", "pos_embed") or name.startswith("patch_embed"):
            layer = 0
        elif name.startswith("blocks."):
            layer = int(name.split(".")[1]) + 1
        decay = 0.0 if p.ndim == 1 or name in ("cls_token", "pos_embed") else weight_decay
        group = {"params": [], "scale": layer_decay ** (last - layer), "weight_decay": decay}
        found.setdefault((layer, decay), group)["params"].append(p)
    return list(found.values())


class Peer:
    def __init__(self, job: dict) -> None:
        m = job["model"]
        self.device = torch.device(job["device"])
        self.cuda = self.device.type == "cuda"
        if self.cuda:
            torch.zeros(1, device=self.device)  # the context is there before memory is counted
            self.free = torch.cuda.mem_get_info()[0]
        else:
            torch.set_num_threads(job["threads"])
        tf32 = job["precision"] == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        model = VisionTransformer(
            img_size=m["size"], patch_size=m["patch"], embed_dim=m["width"], depth=m["depth"], num_heads=m["heads"],
            num_classes=job["classes"], global_pool="avg", drop_path_rate=job["drop_path"],
            norm_layer=partial(nn.LayerNorm, eps=1e-6), weight_init="skip",
        )
        model.load_state_dict(load_file(job["weights"]))
        model.train().to(self.device)
        if self.cuda:
            model.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(groups(model, job["weight_decay"], job["layer_decay"]), lr=0.0, fused=True)
        self.model = torch.compile(model) if job["compile"] else model
        half = HALF.get(job["precision"])
        self.cast = partial(torch.autocast, self.device.type, half) if half else contextlib.nullcontext
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=half is torch.float16)
        self.read(job)
        self.next = 0

    def read(self, job: dict) -> None:
        m, n = job["model"], job["count"]
        pixels, labels = 3 * m["size"] ** 2 * m["batch"], job["classes"] * m["batch"]
        values = torch.from_file(job["batches"], size=n * (pixels + labels), dtype=torch.float32)
        self.images = values[: n * pixels].view(n, m["batch"], 3, m["size"], m["size"]).clone()
        self.targets = values[n * pixels :].view(n, m["batch"], job["classes"]).clone()
        if self.cuda:
            self.images, self.targets = self.images.pin_memory(), self.targets.pin_memory()

    def step(self, rate: float) -> torch.Tensor:
        i = self.next % len(self.images)
        self.next += 1
        images = self.images[i].to(self.device, non_blocking=True)
        targets = self.targets[i].to(self.device, non_blocking=True)
        if self.cuda:
            images = images.contiguous(memory_format=torch.channels_last)
        for g in self.optimizer.param_groups:
            g["lr"] = rate * g["scale"]
        with self.cast():
            loss = nn.functional.cross_entropy(self.model(images), targets)
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    def steps(self, rates: list[float]) -> dict:
        self.wait()
        start = time.perf_counter()
        losses = [self.step(r) for r in rates]
        self.wait()
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "losses": [float(x) for x in losses]}

    def wait(self) -> None:
        if self.cuda:
            torch.cuda.synchronize()

    def memory(self) -> dict:
        if not self.cuda:
            return {"driver": 0, "reserved": 0, "allocated": 0}
        return {
            "driver": self.free - torch.cuda.mem_get_info()[0],
            "reserved": torch.cuda.max_memory_reserved(), "allocated": torch.cuda.max_memory_allocated(),
        }

    def profile(self) -> dict:
        steps = 3
        kind = torch.profiler.ProfilerActivity.CUDA if self.cuda else torch.profiler.ProfilerActivity.CPU
        with torch.profiler.profile(activities=[kind]) as profiler:
            self.steps([1e-5] * steps)
        out = {}
        for e in profiler.key_averages():
            spent = e.self_device_time_total if self.cuda else e.self_cpu_time_total  # µs
            out[e.key] = {"calls": e.count / steps, "seconds": spent / 1e6 / steps}
        return {"kernels": out}

    def answer(self, request: dict) -> dict:
        if request.get("memory"):
            return self.memory()
        return self.profile() if request.get("profile") else self.steps(request["rates"])


def versions() -> dict:
    out = {"python": platform.python_version(), "torch": torch.__version__, "timm": timm.__version__}
    if torch.cuda.is_available():
        out |= {"torch's CUDA": torch.version.cuda, "torch's GPU": torch.cuda.get_device_name()}
    return out


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever libraries print is no answer
    peer = None
    for line in sys.stdin:
        try:
            request = json.loads(line)
            if request.get("versions"):
                answer = {"versions": versions()}
            elif peer is None:
                peer = Peer(request)
                answer = {"versions": versions()}
            else:
                answer = peer.answer(request)
        except torch.OutOfMemoryError as e:
            answer = {"error": str(e), "memory": True}
        except Exception as e:  # the one who asked reports it
            answer = {"error": f"{type(e).__name__}: {e}", "memory": "out of memory" in str(e)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
