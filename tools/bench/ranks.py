"""Trains under mpirun and looks for what differs from one process, hangs or is left half-written.

    python tools/bench/ranks.py TRAINER FOLDER --mpirun OPENMPI/bin/mpirun MPICH/bin/mpirun \
        [--bits] [--kills 40] [--failures 200] [--seed 0] [--minutes 60]

FOLDER gets a tiny data set and all runs. --bits compares the files of runs with 1, 2, 3 and 4 processes. --kills ends a
random process with SIGKILL at random moments, and resumes with another number of processes until the run is finished.
--failures makes runs fail in each of the ways of `failures`. Needs Linux, root for the full disk, and nothing but
Python. Run it in the repository's root.
"""

import argparse
import hashlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

CONFIG = """
name = "run"
[data]
dir = "{data}"
size = 28
crop_pct = 1.0
[optimizer]
lr = 1e-3
clip = 1.0
[schedule]
epochs = 4
warmup = 1
[training]
batch = 2
accumulate = 4
ema = 0.9
[runtime]
provider = "cpu"
threads = 1
"""

VIT = ["model.patch=7", "model.width=32", "model.depth=2", "model.heads=2"]

# What is set, for each comparison of bits.
VARIANTS = {
    "accumulation, clipping, an average": [],
    "mixup, cutmix, dropped paths": ["augment.mixup=0.8", "augment.cutmix=1.0", "model.drop_path=0.2"],
    "balanced sampling": ["data.sampling=balanced", "augment.mixup=0.8"],
    "class weights, a focal loss": ["loss.class_weights=balanced", "loss.focal=2"],
    "an imported model": ["model.onnx=models/imported/testdata/cnn_torchscript17.onnx", "data.size=20"],
    "a linear probe": ["model.adaptation=linear_probe", "training.ema=0"],
    "a cache, loss of batches, operating points": [
        "data.cache=CACHE", "evaluation.loss=batches", 'evaluation.operating_points=["youden"]',
        "evaluation.cut=1_mild_npdr"],
    "7 batches a step": ["training.accumulate=7"],
}

FILES = ["checkpoints/last/model.safetensors", "checkpoints/last/optimizer.safetensors",
         "checkpoints/best/model.safetensors", "metrics_val.csv", "metrics_test.csv", "metrics_test.json",
         "predictions_test.csv", "log.txt"]
SLOW = 300  # seconds after which a run hangs


def dataset(folder):
    source = pathlib.Path("data/testdata/retinamnist")
    for split, count in {"train": 9, "val": 4, "test": 5}.items():
        for kind in sorted((source / split).iterdir()):
            to = folder / split / kind.name
            to.mkdir(parents=True)
            for file in sorted(kind.iterdir())[:count]:
                shutil.copy(file, to)
    return folder


class Job:
    """A run by several processes."""

    def __init__(self, args, mpirun, size, out, settings=(), resume=False):
        self.mpirun, self.size, self.tag = mpirun, size, f"RANKS_PY_RUN={out}.{time.monotonic_ns()}"
        command = [args.trainer, "-config", str(args.folder / "tiny.toml"), "-set", f"output.dir={out}"]
        for s in [*settings, *([] if "model.onnx" in " ".join(settings) else VIT)]:
            command += ["-set", s]
        if resume:
            command.append("-resume")
        if size > 1:
            openmpi = (pathlib.Path(mpirun).parent / "ompi_info").exists()
            command = [mpirun] + (["--bind-to", "none", "--map-by", ":oversubscribe"] if openmpi else []) + [
                "-n", str(size)] + command
        name, value = self.tag.split("=", 1)
        env = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                   MPIR_CVAR_POLLS_BEFORE_YIELD="0") | {name: value}
        self.log = open(args.folder / "log.txt", "w+b")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT, env=env, stdin=subprocess.DEVNULL)

    def ranks(self):
        """The processes of the ranks, by rank."""
        found = {}
        for p in pathlib.Path("/proc").iterdir():
            try:
                environ = (p / "environ").read_bytes().split(b"\0") if p.name.isdigit() else []
            except OSError:
                continue
            if self.tag.encode() not in environ or int(p.name) == self.process.pid:
                continue
            for v in environ:
                if v.startswith((b"OMPI_COMM_WORLD_RANK=", b"PMI_RANK=")):
                    found[int(v.split(b"=")[1])] = int(p.name)
        return found

    def later(self, seconds):
        """Waits until all ranks have begun, and then some seconds. Returns the ranks."""
        while len(self.ranks()) < self.size and self.process.poll() is None:
            time.sleep(0.1)
        time.sleep(seconds)
        return self.ranks()

    def end(self, limit=SLOW):
        """Waits, and returns the exit code, the output and the seconds that it took; the code is None for a hang."""
        start = time.monotonic()
        try:
            code = self.process.wait(limit)
            while self.ranks() and time.monotonic() - start < limit:
                time.sleep(0.1)
            if self.ranks():
                code = None
        except subprocess.TimeoutExpired:
            code = None
        for pid in self.ranks().values():
            os.kill(pid, signal.SIGKILL)
        if code is None:
            self.process.kill()
            self.process.wait()
        self.log.seek(0)
        return code, self.log.read().decode(errors="replace"), time.monotonic() - start


def digest(folder):
    return {name: hashlib.sha256((folder / "run" / name).read_bytes()).hexdigest() for name in FILES}


def bits(args):
    differing = 0
    for name, settings in VARIANTS.items():
        want, line = None, []
        for mpirun in args.mpirun:
            for size in [1, 2, 3, 4]:
                out = fresh(args.folder / "bits")
                here = [s.replace("CACHE", str(out / "cache")) for s in settings]
                code, log, _ = Job(args, mpirun, size, out, here).end()
                if code != 0:
                    print(log)
                    sys.exit(f"{name}: np {size} ended with {code}")
                got = digest(out)
                want = want or got
                differing += got != want
                line.append("same" if got == want else f"np {size}: " + ", ".join(f for f in FILES if got[f] != want[f]))
        print(f"{name}: {want[FILES[0]][:12]} {want[FILES[1]][:12]} {want[FILES[5]][:12]} {want[FILES[6]][:12]}: "
              + " ".join(line), flush=True)
    return differing


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def left_over(out):
    """Files of a run folder that were being written."""
    return [str(p.relative_to(out)) for p in out.rglob("*") if "fovea-tmp" in p.name or ".tmp-" in p.name]


def kills(args):
    rng = random.Random(args.seed)
    settings = VARIANTS["mixup, cutmix, dropped paths"] + ["schedule.epochs=12"]
    out = fresh(args.folder / "whole")
    start = time.monotonic()
    code, log, _ = Job(args, None, 1, out, settings).end()
    assert code == 0, log
    want, took = digest(out), 1.5 * (time.monotonic() - start)
    killed, finished, bad, longest, codes = 0, 0, 0, 0.0, {}
    out = fresh(args.folder / "kills")
    while killed < args.kills and time.monotonic() < args.until:
        size, mpirun = rng.choice([2, 3, 4]), rng.choice(args.mpirun)
        job = Job(args, mpirun, size, out, settings, resume=True)
        ranks = job.later(rng.random() * took)
        if len(ranks) == size and job.process.poll() is None:
            os.kill(ranks[rng.randrange(size)], signal.SIGKILL)
            code, log, seconds = job.end()
            killed += 1
            longest = max(longest, seconds)
            codes[code] = codes.get(code, 0) + 1
            print(f"kill {killed}: np {size} of {mpirun}: {code} after {seconds:.1f} s", flush=True)
            if code in (0, None) or seconds > 10:
                bad += 1
                print(f"kill {killed}: np {size} ended with {code} after {seconds:.1f} s\n{log}", flush=True)
        else:
            code, log, _ = job.end()
        if code == 0:
            finished += 1
            if digest(out) != want or left_over(out):
                bad += 1
                print(f"a finished run differs, or leaves {left_over(out)}", flush=True)
            out = fresh(args.folder / "kills")
    code, log, _ = Job(args, args.mpirun[0], 2, out, settings, resume=True).end()
    if code != 0 or digest(out) != want or left_over(out):
        bad += 1
        print(f"the last run ends with {code}, differs or leaves {left_over(out)}\n{log}")
    print(f"{killed} kills, exit codes of mpirun {codes}, the slowest end after {longest:.1f} s; {finished + 1} runs were "
          f"finished in between; {bad} were bad", flush=True)
    return bad


def failures(args):
    rng = random.Random(args.seed)
    start = time.monotonic()
    longer = ["schedule.epochs=12"]
    code, log, _ = Job(args, None, 1, fresh(args.folder / "whole"), longer).end()
    assert code == 0, log
    want, took = digest(args.folder / "whole"), time.monotonic() - start
    broken = dataset(args.folder / "broken")
    image = next((broken / "train").rglob("*.png"))
    image.write_bytes(image.read_bytes()[:200])
    skipped = fresh(args.folder / "skipped")
    skip = [f"data.dir={broken}", "data.unreadable=skip"]
    assert Job(args, None, 1, skipped, skip).end()[0] == 0
    skipped = digest(skipped)
    disk = args.folder / "disk"
    disk.mkdir(exist_ok=True)

    def interrupt(job, number):
        ranks = job.later(rng.random() * took)
        if len(ranks) == job.size:
            os.kill(ranks[rng.randrange(job.size)], number)

    def vanish(job, out):
        job.later(rng.random() * took)
        shutil.rmtree(out / "run", ignore_errors=True)

    # Settings, what is done meanwhile, the exit codes, and a text that must be there once.
    cases = {
        "SIGINT to one process": (longer, lambda job, out: interrupt(job, signal.SIGINT), (130, 0), None),
        "SIGTERM to one process": (longer, lambda job, out: interrupt(job, signal.SIGTERM), (130, 0), None),
        "an unreadable image": ([f"data.dir={broken}"], None, (1,), "images cannot be read"),
        "an unreadable image, skipped": (skip, None, (0,), None),
        "no number": (["optimizer.lr=1e30"], None, (1,), "training has diverged"),
        "no number, skipped": (["optimizer.lr=1e30", "training.nonfinite=skip"], None, (1,),
                               "probability NaN is not finite"),
        "a full disk": ([f"output.dir={disk}"], None, (1,), "there is no room"),
        "the run folder vanishes": (longer, vanish, (1, 0), None),
        "no data": (["data.dir=/nowhere"], None, (1,), "/nowhere"),
        "a finished run is there": ([f"output.dir={args.folder / 'whole'}"], None, (1,), "holds a finished run"),
    }
    counts = {name: [0, 0, {}] for name in cases}
    for i in range(args.failures):
        if time.monotonic() > args.until:
            break
        name = list(cases)[i % len(cases)]
        settings, meanwhile, codes, text = cases[name]
        size, mpirun = rng.choice([2, 3, 4]), args.mpirun[i // len(cases) % len(args.mpirun)]
        out = fresh(args.folder / "failures")
        if name == "a full disk":
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", str(disk)], check=True)
        job = Job(args, mpirun, size, out, settings)
        if meanwhile:
            meanwhile(job, out)
        code, log, seconds = job.end()
        if name == "a full disk":
            subprocess.run(["umount", str(disk)], check=True)
        wrong = code not in codes or bool(text) and log.count(text) != 1
        if code == 0:
            wrong |= name == "an unreadable image, skipped" and digest(out) != skipped
            wrong |= name.startswith("SIG") and digest(out) != want
        elif name.startswith("SIG") and not wrong:
            if (out / "run" / "checkpoints").exists():
                again, log2, _ = Job(args, mpirun, rng.choice([1, 2, 3, 4]), out, longer, resume=True).end()
                wrong = again != 0 or digest(out) != want or left_over(out) or log.count("the checkpoint is") > 1
                log += log2
        c = counts[name]
        c[0], c[1] = c[0] + 1, c[1] + bool(wrong)
        c[2][code] = c[2].get(code, 0) + 1
        print(f"run {i}, {name}: np {size} of {mpirun}: {code} after {seconds:.1f} s", flush=True)
        if wrong:
            print(f"which is wrong\n{log}", flush=True)
    for name, (runs, wrong, codes) in counts.items():
        print(f"{name}: {runs} runs, exit codes {codes}, {wrong} wrong", flush=True)
    return sum(c[1] for c in counts.values())


def main():
    p = argparse.ArgumentParser()
    p.add_argument("trainer")
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("--mpirun", nargs="+", required=True)
    p.add_argument("--bits", action="store_true")
    p.add_argument("--kills", type=int, default=0)
    p.add_argument("--failures", type=int, default=0)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--minutes", type=float, default=1e6, help="after which no run begins")
    args = p.parse_args()
    args.until = time.monotonic() + 60 * args.minutes
    args.folder = args.folder.resolve()
    fresh(args.folder)
    data = dataset(args.folder / "data")
    (args.folder / "tiny.toml").write_text(CONFIG.format(data=data))
    wrong = (bits(args) if args.bits else 0) + (kills(args) if args.kills else 0) + (
        failures(args) if args.failures else 0)
    sys.exit(1 if wrong else 0)


main()
