"""Predicts a training step of several processes, from measured times of one process and a stated network.

    go build -o /tmp/bench ./tools/bench
    /tmp/bench scale -archs vit_small_patch16,vit_base_patch16 -threads 1 -mpirun MPIRUN > two.md
    /tmp/bench scale -archs vit_small_patch16,vit_base_patch16 -threads 1 -ranks 4 -mpirun MPIRUN > four.md
    python3 tools/bench/simulate.py --cores 2 --threads 1 compare two.md four.md   # beside the measured steps
    python3 tools/bench/simulate.py networks                                      # ViT-L, 1 to 1,024 processes

From a table, `compare` takes the step of one process, the slowdown of runs at once, and of the first model the rate at
which plain mode exchanges and adds. All other steps are predicted.

The model. All processes are alike. A host has cores; if threads want more of them, all slow down alike. The gradients
of a bucket are ready in proportion to the backward pass, the last parameters first, which begins at 35 % of forward
and backward: the first of 11 buckets was measured at 41 %. A bucket's exchange starts when it is ready and the one
before has ended. Each process sends (N-1)/N of the bucket to the others, by links of its host for those elsewhere and
by copies for those beside it. It adds what it receives. Then it updates its 1/N of the parameters, and sends them to
the others.
"""

import argparse
import math
from dataclasses import dataclass

MIB = 1 << 20
CHUNK = 4 << 16  # bytes of optim.Chunk, the least piece of a process
FORWARD = 0.35  # of forward and backward, before the backward pass
PARAMETERS = {"vit_small_patch16": 21_667_589, "vit_base_patch16": 85_802_501, "vit_large_patch16": 303_306_757}


@dataclass
class Network:
    bandwidth: float  # bytes a second, each way, of a host's link to other hosts
    latency: float  # seconds until a message arrives
    message: float  # seconds of a core, for each message
    byte: float = 0  # seconds of a core, for each byte that is sent
    fabric: float = 0  # bytes a second, each way, of a process's link within its host; 0: copies in memory


@dataclass
class Host:
    cores: float
    processes: int  # of a host
    threads: int  # of a process
    copy: float  # seconds of a core, to exchange and add a byte within the host


def exchange(size, n, host, network, adds):
    """Returns seconds on links and seconds of a core, for a process to exchange size bytes with n-1 others."""
    beside = min(n, host.processes) - 1
    away = n - 1 - beside
    piece = size / n
    # Pieces of at most 1 MiB, and less with many processes, as Group.ReduceScatter cuts them.
    calls = math.ceil(piece / min(MIB, max(8 * MIB / n, 1 << 14)))
    link = away * piece * host.processes / network.bandwidth
    link += beside * piece / network.fabric if network.fabric else 0
    core = calls * (n - 1) * network.message + away * piece * network.byte
    if not network.fabric:
        core += (beside + away * 0.5 * adds) * piece * host.copy * (1 if adds else 0.7)
    return link + calls * network.latency * math.ceil(math.log2(n)), core


def step(backward, optimizer, size, n, host, network, bucket=0, slowdown=1.0, accumulate=1):
    """Returns the seconds of a step. backward and optimizer are seconds of one process alone, backward those of all its
    batches of a step. size is the bytes of gradients. bucket is 0 in plain mode."""
    processes = min(n, host.processes)
    backward, optimizer = backward * slowdown, optimizer * slowdown
    # The rate of a process's work while each process of the host wants so many cores.
    rate = lambda wanted: min(1.0, host.cores / max(processes * wanted, 1e-9))
    if n == 1:
        return (backward + optimizer) / rate(host.threads)
    # A bucket has at least a chunk for each process. The backward pass reaches the end of one at `ready`.
    count = max(1, math.ceil(size / max(bucket, n * CHUNK))) if bucket else 1
    # Buckets go out during the last batch.
    ready = [backward * (accumulate - (1 - FORWARD) * (1 - (i + 1) / count)) / accumulate for i in range(count)]
    now = done = 0.0  # time, and work of the backward pass
    for due in ready:
        now += max(0, due - done) / rate(host.threads)
        done = max(done, due)
        link, core = exchange(size / count, n, host, network, adds=True)
        left = 1.0  # of this bucket's exchange
        while left > 1e-12:
            computing = backward - done > 1e-12
            # The thread that communicates wants a core for a part of the time, more the faster it is.
            share = rate(host.threads * computing + min(1.0, core / max(link + core, 1e-12)))
            takes = link + core / share
            span = left * takes
            if computing:
                span = min(span, (backward - done) / share)
                done += span * share
            now += span
            left -= span / takes
    now += max(0, backward - done) / rate(host.threads)
    link, core = exchange(size, n, host, network, adds=False)
    return now + optimizer / n / rate(host.threads) + link + core / rate(1.0)


def rows(path):
    """Returns the rows of a table of `bench scale`, by model and mode."""
    table = {}
    for text in open(path):
        cells = [c.strip() for c in text.strip().strip("|").split("|")]
        if len(cells) > 14 and cells[0] in PARAMETERS:
            table.setdefault(cells[0], {})[cells[1]] = [float(c) for c in cells[2:]]
    return table


def compare(paths, cores, threads, accumulate):
    here = Network(bandwidth=math.inf, latency=0, message=5e-6)
    print("| model | mode | measured, s | predicted, s | error |\n|---|---|---:|---:|---:|")
    copy = 0.0
    for path in paths:
        for model, modes in rows(path).items():
            alone = modes["1 process"]
            backward, optimizer, size = alone[7], alone[13], 4 * PARAMETERS[model]
            for mode, cells in modes.items():
                n = int(mode.split()[0])
                host = Host(cores, n, threads, copy)
                share = min(1.0, cores / (n * threads))
                if "at once" in mode:
                    slowdown = max(1.0, cells[0] / alone[0] * share)  # what cores do not explain, such as memory
                elif n > 1:
                    calibrated = not copy
                    if calibrated:  # reduce-scatter and all-gather of the first model, in plain mode
                        copy = cells[12] * share / (1.7 * (n - 1) / n * size)
                        host.copy = copy
                    bucket = int(mode.split()[-2]) * MIB if "buckets" in mode else 0
                    t = step(backward, optimizer, size, n, host, here, bucket, slowdown, accumulate)
                    note = " (its exchange is the calibration)" if calibrated else ""
                    print(f"| {model} | {mode}{note} | {cells[0]:.3f} | {t:.3f} | {100 * (t / cells[0] - 1):+.1f} % |")


# 10 GbE is the line rate less headers at 1,500 bytes a packet, 94 %. 25 GB/s is InfiniBand HDR, 200 Gbit/s. NVLink
# 4 has 450 GB/s each way (NVIDIA's data sheet of the H100), and each of 8 GPUs has an adapter of 25 GB/s to other
# hosts. Latencies, and a core's time for a byte and a message, are assumptions: with TCP 30 us, 1/3 ns and 5 us. A
# byte that is copied and added within a host takes a core 0.4 ns.
NETWORKS = {
    "10 GbE": Network(1.175e9, 30e-6, 5e-6, 1 / 3e9),
    "25 GB/s": Network(25e9, 2e-6, 1e-6),
    "NVLink, 25 GB/s a GPU between hosts": Network(8 * 25e9, 5e-6, 0, 0, 450e9),
}


def networks(backward, optimizer, batch, gpu_backward, gpu_optimizer, gpu_batch):
    size = 4 * PARAMETERS["vit_large_patch16"]
    hosts = [
        (f"host of 2 cores, batch {batch}", Host(2, 1, 2, 0.4e-9), backward, optimizer, 1, ("10 GbE", "25 GB/s")),
        (f"host of 64 cores, 8 batches of {batch}", Host(64, 1, 63, 0.4e-9), backward * 8 / 31.5, optimizer / 8, 8,
         ("10 GbE", "25 GB/s")),
        (f"8 GPUs a host, batch {gpu_batch} each", Host(1e9, 8, 1, 0), gpu_backward, gpu_optimizer, 1,
         ("NVLink, 25 GB/s a GPU between hosts",)),
    ]
    ns = [2**i for i in range(11)]
    print("| host | network | mode | " + " | ".join(f"{n:,}" for n in ns) + " |\n|---|---|---|" + "---:|" * len(ns))
    for name, host, b, o, accumulate, links in hosts:
        for link in links:
            for mode, bucket in (("plain", 0), ("overlap", 8 * MIB)):
                alone = step(b, o, size, 1, host, NETWORKS[link])
                times = [step(b, o, size, n, host, NETWORKS[link], bucket, 1, accumulate) for n in ns]
                cells = " | ".join(f"{t:.3g} s, {alone / t:.2f}" for t in times)
                print(f"| {name} | {link} | {mode} | {cells} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=float, default=2, help="of this machine")
    parser.add_argument("--threads", type=int, default=1, help="of a process, as in the tables")
    parser.add_argument("--accumulate", type=int, default=1, help="batches of a process in a step, as in the tables")
    parser.add_argument("--backward", type=float, default=18.5, help="ViT-L's forward and backward on 2 cores, seconds")
    parser.add_argument("--optimizer", type=float, default=0.21, help="seconds of its optimizer there")
    parser.add_argument("--batch", type=int, default=8, help="images of these")
    parser.add_argument("--gpu", type=float, nargs=3, default=(0.127, 0.003, 64), help="the three for a GPU")
    parser.add_argument("what", choices=["compare", "networks"])
    parser.add_argument("tables", nargs="*", help="of bench scale")
    args = parser.parse_args()
    if args.what == "compare":
        compare(args.tables, args.cores, args.threads, args.accumulate)
    else:
        networks(args.backward, args.optimizer, args.batch, *args.gpu)
