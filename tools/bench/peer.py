"""One training step of RETFound's recipe in PyTorch, eager, float32, on the CPU: what Fovea's step is measured against.

    python tools/bench/peer.py --arch vit_base_patch16 --size 224 --batch 8 --threads 2

Builds model, optimizer and batch, takes warm-up steps, prints "ready". Then it reads lines from standard input:

    step    takes a whole training step, prints {"seconds", "forward", "backward", "optimizer", "cpu", "loss"}
    profile takes a step, prints {operator: {"calls", "seconds"}}, its own time without that of what it calls
    quit    prints {"peak_rss", "import_rss", "versions", …} and ends, as does the end of the input

so that a driver can alternate it with another program on the same cores. forward includes the loss and reading
it; the gradients are set to None before the clock of forward starts, and seconds counts that too. cpu is
processor time: a step whose cpu is well below threads*seconds had to share its cores. peak_rss is the process's
high-water mark in bytes, import_rss what the libraries alone took before a tensor was made (a CUDA build of
PyTorch takes more than a CPU build).

The peer is stock: timm's model with its fused attention, torch.optim.AdamW with its defaults (on the CPU: one
parameter after another; --adamw fused is the fastest of PyTorch's own). The batch is random, as its content
does not change the time. Needs tools/oracle/requirements.txt.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable

import timm
import torch
from torch import nn


def memory(field: str) -> int:
    """A field of /proc/self/status in bytes: VmHWM is the peak of resident memory, VmRSS its size now."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    raise ValueError(f"/proc/self/status has no {field}")


class Factor(nn.Module):
    """A residual branch times a factor for each sample, as Fovea's graph has it and at the cost of timm's DropPath."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.keep = 1 - rate
        self.factor: torch.Tensor | None = None  # [B,1,1]

    def draw(self, batch: int) -> None:
        self.factor = torch.bernoulli(torch.full((batch, 1, 1), self.keep)) / self.keep

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor


def layer_decay_groups(model: nn.Module, weight_decay: float, layer_decay: float, lr: float) -> list[dict]:
    """RETFound's parameter groups: embeddings are layer 0, block b layer b+1, the rest the last, whose rate is lr;
    no weight decay for vectors, cls_token and pos_embed."""
    last = len(model.blocks) + 1
    groups: dict[tuple, dict] = {}
    for name, p in model.named_parameters():
        layer = last
        if name in ("cls_token", "pos_embed") or name.startswith("patch_embed"):
            layer = 0
        elif name.startswith("blocks."):
            layer = int(name.split(".")[1]) + 1
        decay = 0.0 if p.ndim == 1 or name in model.no_weight_decay() else weight_decay
        group = {"params": [], "lr": lr * layer_decay ** (last - layer), "weight_decay": decay}
        groups.setdefault((layer, decay), group)["params"].append(p)
    return list(groups.values())


class Peer:
    """A model, its optimizer and a batch. factors are of the branches that are dropped."""

    def __init__(self, options: argparse.Namespace) -> None:
        torch.manual_seed(0)
        self.model = timm.create_model(
            options.arch, img_size=options.size, num_classes=options.classes, drop_path_rate=options.drop_path,
            global_pool="token" if options.arch.endswith("dinov2") else "avg",
        ).train()
        self.factors = []
        for i, block in enumerate(self.model.blocks):
            rate = options.drop_path * i / (len(self.model.blocks) - 1)
            if rate > 0:
                block.drop_path1, block.drop_path2 = Factor(rate), Factor(rate)
                self.factors += [block.drop_path1, block.drop_path2]
        groups = layer_decay_groups(self.model, weight_decay=0.05, layer_decay=0.65, lr=5e-4)
        self.prepare(options, groups)

    def prepare(self, options: argparse.Namespace, groups: list[dict]) -> None:
        implementation = {} if options.adamw == "default" else {options.adamw: True}
        self.optimizer = torch.optim.AdamW(groups, lr=5e-4, **implementation)
        self.images = torch.randn(options.batch, 3, options.size, options.size)
        self.targets = torch.softmax(torch.randn(options.batch, options.classes), dim=1)

    def step(self) -> dict[str, float]:
        start, cpu = time.perf_counter(), time.process_time()
        for f in self.factors:
            f.draw(len(self.images))
        self.optimizer.zero_grad(set_to_none=True)
        begin = time.perf_counter()
        loss = nn.functional.cross_entropy(self.model(self.images), self.targets)
        value = loss.item()
        forward = time.perf_counter()
        loss.backward()
        backward = time.perf_counter()
        self.optimizer.step()
        end = time.perf_counter()
        return {
            "seconds": end - start, "forward": forward - begin, "backward": backward - forward,
            "optimizer": end - backward, "cpu": time.process_time() - cpu, "loss": value,
        }


def say(message: dict) -> None:
    print(json.dumps(message), flush=True)


def record(peer: Peer) -> torch.autograd.profiler_util.EventList:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        peer.step()
    return profiler.key_averages()


def arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=224, help="side of the images in pixels")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--classes", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--adamw", choices=["default", "foreach", "fused"], default="default",
                        help="which of PyTorch's implementations")
    parser.add_argument("--warm-up", type=int, default=2, help="steps before ready")
    parser.add_argument("--profile", action="store_true", help="print the operators of one step and end")
    return parser


def run(make: Callable[[argparse.Namespace], Peer], options: argparse.Namespace) -> None:
    """Takes the steps that the standard input asks for."""
    import_rss = memory("VmRSS")
    torch.set_num_threads(options.threads)
    peer = make(options)
    for _ in range(options.warm_up):
        peer.step()
    if options.profile:
        print(record(peer).table(sort_by="self_cpu_time_total", row_limit=20, max_name_column_width=60))
        return
    print("ready", flush=True)
    for line in sys.stdin:
        command = line.strip()
        if command == "step":
            say(peer.step())
        elif command == "profile":
            say({e.key: {"calls": e.count, "seconds": e.self_cpu_time_total / 1e6} for e in record(peer)})
        elif command == "quit":
            break
        else:
            sys.exit(f"unknown command {command!r}: want step, profile or quit")
    say({
        "peak_rss": memory("VmHWM"), "import_rss": import_rss, "threads": torch.get_num_threads(), "arch": options.arch,
        "size": options.size, "batch": options.batch, "adamw": options.adamw,
        "parameters": sum(p.numel() for p in peer.model.parameters()),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "timm": timm.__version__},
    })


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--arch", default="vit_base_patch16", help="timm's model without its size at the end")
    parser.add_argument("--drop-path", type=float, default=0.2, help="rate of the last block")
    options = parser.parse_args()
    options.arch += "" if timm.is_model(options.arch) else "_224"
    if not timm.is_model(options.arch):
        parser.error(f"timm has no model {options.arch}")
    run(Peer, options)


if __name__ == "__main__":
    main()
