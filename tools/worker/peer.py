"""PyTorch's side of package worker: timm's ViT as RETFound fine-tunes it, stock, on a GPU or the CPU.

Reads requests from standard input, one JSON object a line, and answers each with one. worker.go describes them all.

    the first          a job, for which it builds the model
    {"rates": [...]}   takes a step with each learning rate, batch after batch, and waits for the last:
                       {"seconds", "losses"}, on the CPU also "forward", "backward" and "optimizer"
    {"profile": true}  {"kernels": {name: {"calls", "seconds"}}} of a step on a GPU, on the CPU the same as "operators"
    {"memory": true}   {"driver", "reserved", "peak_rss", "import_rss"} in bytes
    {"versions": true} {"versions"}

Any answer may be {"error": text, "memory": whether there was too little of it}. The end of the input ends the process.

"batches" is a file of float32 numbers: the images of `count` batches, [count,batch,3,size,size], then their targets,
[count,batch,classes]. Without it there is noise, because the content does not change the time. Batches are page-locked
before the clock starts and copied in each step. On a GPU a step does not wait for the one before, and losses are read
at the end of a request. AMP is torch.autocast, with GradScaler for fp16. AdamW has RETFound's groups of layer-wise
decay. import_rss is the resident memory of the libraries alone: a CUDA build of PyTorch takes more than a CPU build.
Needs torch and timm.
"""

import contextlib
import json
import platform
import sys
import time
from collections.abc import Callable
from functools import partial

import timm
import torch
from safetensors.torch import load_file
from timm.models.vision_transformer import VisionTransformer
from torch import nn

CLASSES = 5
WEIGHT_DECAY = 0.05
HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


def resident(field: str) -> int:
    """Returns VmHWM, the peak of resident memory, or VmRSS, its size now, in bytes; 0 if the system does not tell."""
    with contextlib.suppress(FileNotFoundError), open("/proc/self/status") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return 0


def layer_decay_groups(model: nn.Module, layer_decay: float) -> list[dict]:
    """RETFound's: embeddings are layer 0, block b layer b+1, the rest the last; no decay for vectors and embeddings."""
    last = len(model.blocks) + 1
    groups: dict[tuple, dict] = {}
    for name, p in model.named_parameters():
        layer = last
        if name in ("cls_token", "pos_embed") or name.startswith("patch_embed"):
            layer = 0
        elif name.startswith("blocks."):
            layer = int(name.split(".")[1]) + 1
        decay = 0.0 if p.ndim == 1 or name in model.no_weight_decay() else WEIGHT_DECAY
        group = {"params": [], "scale": layer_decay ** (last - layer), "weight_decay": decay}
        groups.setdefault((layer, decay), group)["params"].append(p)
    return list(groups.values())


class Peer:
    """A model, its optimizer and batches."""

    def __init__(self, job: dict) -> None:
        self.device = torch.device(job["device"])
        self.cuda = self.device.type == "cuda"
        if self.cuda:
            torch.zeros(1, device=self.device)  # the context is there before memory is counted
            self.free = torch.cuda.mem_get_info()[0]
        else:
            torch.set_num_threads(job["threads"])
        tf32 = job["precision"] == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        torch.manual_seed(0)
        self.read(job)
        model, groups = self.build(job)
        model.to(self.device)
        if self.cuda:
            model.to(memory_format=torch.channels_last)
        implementation = {} if job["adamw"] == "default" else {job["adamw"]: True}
        self.optimizer = torch.optim.AdamW(groups, lr=0.0, **implementation)
        self.model = torch.compile(model) if job["compile"] else model
        half = HALF.get(job["precision"])
        self.cast = partial(torch.autocast, self.device.type, half) if half else contextlib.nullcontext
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=half is torch.float16)
        self.next = 0

    def build(self, job: dict) -> tuple[nn.Module, list[dict]]:
        """Makes the model, ready to train, and the groups of its parameters, with the scale of each one's rate."""
        m = job["model"]
        if arch := m["arch"]:
            arch += "" if timm.is_model(arch) else "_224"
            pool = "token" if arch.endswith("dinov2") else "avg"
            model = timm.create_model(
                arch, img_size=m["size"], num_classes=CLASSES, drop_path_rate=job["drop_path"], global_pool=pool)
        else:
            model = VisionTransformer(
                img_size=m["size"], patch_size=m["patch"], embed_dim=m["width"], depth=m["depth"],
                num_heads=m["heads"], num_classes=CLASSES, global_pool="avg", drop_path_rate=job["drop_path"],
                norm_layer=partial(nn.LayerNorm, eps=1e-6),
            )
        if job["weights"]:
            model.load_state_dict(load_file(job["weights"]))
        return model.train(), layer_decay_groups(model, job["layer_decay"])

    def read(self, job: dict) -> None:
        size, batch, n = job["model"]["size"], job["model"]["batch"], job["count"]
        pixels, labels = 3 * size**2 * batch, CLASSES * batch
        if job["batches"]:
            values = torch.from_file(job["batches"], size=n * (pixels + labels), dtype=torch.float32)
            images, targets = values[: n * pixels].clone(), values[n * pixels :].clone()
        else:
            images = torch.randn(n * pixels)
            targets = torch.softmax(torch.randn(n * batch, CLASSES), dim=1)
        self.images, self.targets = images.view(n, batch, 3, size, size), targets.view(n, batch, CLASSES)
        if self.cuda:
            self.images, self.targets = self.images.pin_memory(), self.targets.pin_memory()

    def step(self, rate: float, times: dict[str, float]) -> torch.Tensor:
        i = self.next % len(self.images)
        self.next += 1
        images = self.images[i].to(self.device, non_blocking=True)
        targets = self.targets[i].to(self.device, non_blocking=True)
        if self.cuda:
            images = images.contiguous(memory_format=torch.channels_last)
        for g in self.optimizer.param_groups:
            g["lr"] = rate * g["scale"]
        self.optimizer.zero_grad(set_to_none=True)
        begin = time.perf_counter()
        with self.cast():
            loss = nn.functional.cross_entropy(self.model(images), targets)
        forward = time.perf_counter()
        self.scaler.scale(loss).backward()
        backward = time.perf_counter()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        times["forward"] += forward - begin
        times["backward"] += backward - forward
        times["optimizer"] += time.perf_counter() - backward
        return loss.detach()

    def steps(self, rates: list[float]) -> dict:
        self.wait()
        times = {"forward": 0.0, "backward": 0.0, "optimizer": 0.0}
        start = time.perf_counter()
        losses = [self.step(r, times) for r in rates]
        self.wait()
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "losses": [float(x) for x in losses]} | ({} if self.cuda else times)

    def wait(self) -> None:
        if self.cuda:
            torch.cuda.synchronize()

    def memory(self) -> dict:
        out = {"peak_rss": resident("VmHWM"), "import_rss": IMPORT_RSS}
        if self.cuda:
            out |= {"driver": self.free - torch.cuda.mem_get_info()[0], "reserved": torch.cuda.max_memory_reserved()}
        return out

    def profile(self) -> dict:
        steps = 3
        kind = torch.profiler.ProfilerActivity.CUDA if self.cuda else torch.profiler.ProfilerActivity.CPU
        with torch.profiler.profile(activities=[kind]) as profiler:
            self.steps([1e-5] * steps)
        out = {}
        for e in profiler.key_averages():
            spent = e.self_device_time_total if self.cuda else e.self_cpu_time_total  # µs
            out[e.key] = {"calls": e.count / steps, "seconds": spent / 1e6 / steps}
        return {"kernels" if self.cuda else "operators": out}

    def answer(self, request: dict) -> dict:
        if request.get("memory"):
            return self.memory()
        return self.profile() if request.get("profile") else self.steps(request["rates"])


def versions() -> dict:
    out = {"python": platform.python_version(), "torch": torch.__version__, "timm": timm.__version__}
    if torch.cuda.is_available():
        out |= {"torch's CUDA": torch.version.cuda, "torch's GPU": torch.cuda.get_device_name()}
    return out


def serve(make: Callable[[dict], object], versions: Callable[[], dict] = versions) -> None:
    """Answers the requests: make takes the job, and the answer method of what it makes takes the others."""
    global IMPORT_RSS
    IMPORT_RSS = resident("VmRSS")
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever libraries print is no answer
    peer = None
    for line in sys.stdin:
        try:
            request = json.loads(line)
            if peer is None:
                peer, answer = make(request), {}
            elif request.get("versions"):
                answer = {"versions": versions()}
            else:
                answer = peer.answer(request)
        except torch.OutOfMemoryError as e:
            answer = {"error": str(e), "memory": True}
        except Exception as e:  # the one who asked reports it
            answer = {"error": f"{type(e).__name__}: {e}", "memory": "out of memory" in str(e)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve(Peer)
