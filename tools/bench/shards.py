"""Measures `trainer predict` on tar archives: one process, shards one after another, and the merge.

    python tools/bench/shards.py TRAINER FOLDER [--images 20000 100000] [--shards 16]

FOLDER gets archives of tiny images (8×8 pixels, no two the same). Prints seconds, seconds of processor time and
the largest resident memory of each process, and fails if the merged file is not that of one process. Needs nothing but Python. Run it in the
repository's root.
"""

import argparse
import filecmp
import io
import os
import pathlib
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
        with tarfile.open(folder / f"eyes-{first // PER_ARCHIVE:06d}.tar", "w") as out:
            for i in range(first, min(first + PER_ARCHIVE, images)):
                info = tarfile.TarInfo(f"{i:09d}.png")
                content = png(i)
                info.size = len(content)
                out.addfile(info, io.BytesIO(content))
    return sorted(str(p) for p in folder.glob("eyes-*.tar"))


def run(args):
    """Returns the seconds, the seconds of processor time and the largest resident memory, in MB, of a process."""
    start = time.monotonic()
    pid = os.posix_spawn(args[0], args, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                                                                  (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{args} failed with status {status}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("trainer")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--images", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--shards", type=int, default=16)
    o = parser.parse_args()
    for images in o.images:
        folder = o.folder / str(images)
        paths = archives(folder, images)
        predict = [o.trainer, "predict", *FLAGS, "-out"]
        def tell(what, runs):
            seconds, processor, memory = zip(*runs)
            print(f"{images} images, {what}: {sum(seconds):.1f} s, {sum(processor):.1f} s of processor time "
                  f"({images / sum(processor):.0f} images a second of it), at most {max(memory):.0f} MB", flush=True)

        tell("one process", [run(predict + [str(folder / "whole.csv"), *paths])])
        tell(f"{o.shards} shards, one after another",
             [run(predict + [str(folder / "p.csv"), "-shard", f"{i}/{o.shards}", *paths])
              for i in range(1, o.shards + 1)])
        tell("merge", [run([o.trainer, "merge", "-out", str(folder / "merged.csv"),
                            *map(str, folder.glob(f"p.*-of-{o.shards}.csv"))])])
        if not filecmp.cmp(folder / "whole.csv", folder / "merged.csv", shallow=False):
            raise SystemExit("the merged file is not that of one process")
        print("the merged file is that of one process, byte for byte", flush=True)


main()
