"""Measures `trainer predict` on tar archives: one process, shards one after another, and the merge.

    python tools/bench/shards.py TRAINER FOLDER [--images 20000 100000] [--shards 16] [--killed 3]

FOLDER gets archives of tiny images (8×8 pixels, no two the same), which stay there for the next time; a million take 1 GB. Some shards
are killed with SIGKILL when they have used half of the seconds of the first shard, and repeated. Prints seconds,
seconds of processor time and the resident memory of each process: at a tenth, at the half and at the end of its time,
and the most. Fails if the merged file is not that of one process. Needs Linux and Python alone. Run it in the
repository's root.
"""

import argparse
import filecmp
import io
import os
import pathlib
import random
import signal
import struct
import tarfile
import time
import zlib

MODEL = "models/imported/testdata/cnn_torchscript17.onnx"
FLAGS = ["-model", MODEL, "-crop", "1", "-mean", "0.5,0.5,0.5", "-std", "0.5,0.5,0.5", "-set", "runtime.provider=cpu",
         "-set", "runtime.threads=1", "-batch", "64"]
PER_ARCHIVE = 10_000


def png(i):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    row = struct.pack(">Q", i * 0x9E3779B97F4A7C15 % 2**64) * 3
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress((b"\0" + row) * 8)) + chunk(b"IEND", b""))


def archives(folder, images):
    folder.mkdir(parents=True, exist_ok=True)
    for first in range(0, images, PER_ARCHIVE):
        path = folder / f"eyes-{first // PER_ARCHIVE:06d}.tar"
        if path.exists():
            continue
        with tarfile.open(folder / "unfinished", "w") as out:
            for i in range(first, min(first + PER_ARCHIVE, images)):
                info = tarfile.TarInfo(f"{i:09d}.png")
                content = png(i)
                info.size = len(content)
                out.addfile(info, io.BytesIO(content))
        os.rename(folder / "unfinished", path)
    return sorted(str(p) for p in folder.glob("eyes-*.tar"))


class Used:
    """What a process used: seconds, seconds of processor time, and MB of memory over its time."""

    def __init__(self, args, kill_after=None):
        quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
        start = time.monotonic()
        pid = os.posix_spawn(args[0], args, os.environ, file_actions=quiet)
        memory, ended = [], 0
        while not ended:
            try:
                pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
                if pages:  # none when it has ended and nobody has waited for it
                    memory.append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
            except (OSError, IndexError):
                pass
            if kill_after is not None and time.monotonic() - start > kill_after:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
            ended, status, usage = os.wait4(pid, os.WNOHANG)
        if (status == 0) == (kill_after is not None):
            raise SystemExit(f"{args} ended with status {status}")
        self.seconds, self.processor = time.monotonic() - start, usage.ru_utime + usage.ru_stime
        self.most = usage.ru_maxrss / 1024
        self.memory = [memory[len(memory) // 10], memory[len(memory) // 2], memory[-1]] if memory else [self.most] * 3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("trainer")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--images", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument("--killed", type=int, default=3)
    o = parser.parse_args()
    for images in o.images:
        folder = o.folder / str(images)
        paths = archives(folder, images)
        predict = [o.trainer, "predict", *FLAGS, "-out"]

        def tell(what, runs):
            processor = sum(r.processor for r in runs)
            print(f"{images} images, {what}: {sum(r.seconds for r in runs):.1f} s, {processor:.1f} s of processor time "
                  f"({images / processor:.0f} images a second of it), at most {max(r.most for r in runs):.0f} MB", flush=True)

        def shard(i, kill_after=None):
            used = Used(predict + [str(folder / "p.csv"), "-shard", f"{i}/{o.shards}", *paths], kill_after)
            memory = " ".join(f"{m:.0f}" for m in used.memory)
            print(f"  shard {i}{' killed' if kill_after is not None else ''}: {used.seconds:.1f} s, "
                  f"{used.processor:.1f} s of processor time, MB {memory}", flush=True)
            return used

        whole = Used(predict + [str(folder / "whole.csv"), *paths])
        tell("one process", [whole])
        print("  MB " + " ".join(f"{m:.0f}" for m in whole.memory), flush=True)
        runs = [shard(1)]
        killed = random.Random(1).sample(range(2, o.shards + 1), o.killed)
        for i in range(2, o.shards + 1):
            if i in killed:
                shard(i, runs[0].seconds / 2)
                if (folder / f"p.{i:02d}-of-{o.shards}.csv.shard.json").exists():
                    raise SystemExit(f"the killed shard {i} has a record")
            runs.append(shard(i))
        tell(f"{o.shards} shards, one after another, {len(killed)} of them after one that was killed", runs)
        tell("merge", [Used([o.trainer, "merge", "-out", str(folder / "merged.csv"),
                             *map(str, folder.glob(f"p.*-of-{o.shards}.csv"))])])
        if not filecmp.cmp(folder / "whole.csv", folder / "merged.csv", shallow=False):
            raise SystemExit("the merged file is not that of one process")
        print("the merged file is that of one process, byte for byte", flush=True)


main()
