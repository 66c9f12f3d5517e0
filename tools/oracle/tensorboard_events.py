"""Goldens for training/tensorboard, and a check of its files by TensorBoard itself.

Run from the repository root:

    python tools/oracle/tensorboard_events.py               write training/tensorboard/testdata
    go test ./training/tensorboard -run TestGolden -keep DIR
    python tools/oracle/tensorboard_events.py check DIR     read our files as TensorBoard does
    python tools/oracle/tensorboard_events.py run DIR       read the settings and images of runs/NAME/tensorboard

The goldens are written by tensorboard's EventFileWriter with the clock, the file name and the name of the
writing program replaced. check reads a folder with both of TensorBoard's event accumulators and with a running
TensorBoard in both of its modes, and reads a file cut short. Needs tensorboard and tensorboard-data-server.
"""

import json
import math
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from unittest import mock

import google.protobuf
import tensorboard
from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams import plugin_data_pb2 as hparams_pb2
from tensorboard.plugins.hparams.metadata import NULL_TENSOR
from tensorboard.summary.writer import event_file_writer, record_writer

OUT = pathlib.Path("training/tensorboard/testdata")
FAR = 1_000_000_000_000
SESSIONS = [
    (1700000000, 0, [("loss/train", 0, 1.5, 1700000001.25), ("lr", 0, 0.0, 1700000001.25),
                     ("loss/train", 1, 0.1, 1700000002.5), ("loss/train", 2, -3e-42, 1700000003.0),
                     ("loss/train", 3, math.inf, 1700000004.0),
                     ("perf/Läsion κ", 3, 0.123456789, 1700000004.0),
                     ("loss/train", 4, 7.0, 1700000005.0), ("loss/train", 5, 8.0, 1700000006.0),
                     ("lr", 5, 1e-6, 1700000006.0)]),
    (1700000100, 4, [("loss/train", 4, 0.25, 1700000101.0), ("loss/train", FAR, 0.125, 1700000102.0),
                     ("lr", FAR, 2e-6, 1700000102.0)]),
]


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


# What remains of SESSIONS once the second has purged steps from 4 on.
EXPECTED = {
    "loss/train": [(0, 1.5), (1, f32(0.1)), (2, f32(-3e-42)), (3, math.inf), (4, 0.25), (FAR, 0.125)],
    "lr": [(0, 0.0), (FAR, f32(2e-6))],
    "perf/Läsion κ": [(3, f32(0.123456789))],
}


def write():
    OUT.mkdir(parents=True, exist_ok=True)
    source = event_pb2.SourceMetadata
    for created, step, scalars in SESSIONS:
        with tempfile.TemporaryDirectory() as tmp, \
                mock.patch.object(event_file_writer.time, "time", lambda: float(created)), \
                mock.patch.object(event_file_writer.event_pb2, "SourceMetadata",
                                  lambda writer: source(writer="fovea/training/tensorboard")):
            w = event_file_writer.EventFileWriter(tmp)
            w.add_event(event_pb2.Event(wall_time=created, step=step, session_log=event_pb2.SessionLog(
                status=event_pb2.SessionLog.START)))
            for tag, step, value, wall in scalars:
                w.add_event(event_pb2.Event(wall_time=wall, step=step, summary=summary_pb2.Summary(
                    value=[summary_pb2.Summary.Value(tag=tag, simple_value=value)])))
            w.close()
            name = OUT / f"events.out.tfevents.{created}.host"
            shutil.copyfile(next(pathlib.Path(tmp).iterdir()), name)
            print(name, name.stat().st_size, "bytes")


def write_summaries():
    """Writes summaries.bin: settings and an image as TensorBoard's own protocol buffers have them, maps in order."""
    start = hparams_pb2.SessionStartInfo(start_time_secs=1700000000.5)
    start.hparams["optimizer.lr"].number_value = 0.0005
    start.hparams["augment.flip"].bool_value = True
    start.hparams["model.arch"].string_value = "vit κ"
    png = (OUT / "dot.png").read_bytes()
    metadata = summary_pb2.SummaryMetadata(plugin_data=summary_pb2.SummaryMetadata.PluginData(
        plugin_name="hparams", content=hparams_pb2.HParamsPluginData(session_start_info=start).SerializeToString(
            deterministic=True)))
    image = summary_pb2.Summary.Image(height=2, width=3, colorspace=3, encoded_image_string=png)
    values = [summary_pb2.Summary.Value(tag="_hparams_/session_start_info", tensor=NULL_TENSOR, metadata=metadata),
              summary_pb2.Summary.Value(tag="test/dot", image=image)]
    with open(OUT / "summaries.bin", "wb") as f:
        w = record_writer.RecordWriter(f)
        for step, value in zip([0, 7], values):
            w.write(event_pb2.Event(wall_time=1700000000.5, step=step, summary=summary_pb2.Summary(
                value=[value])).SerializeToString(deterministic=True))
        w.flush()


def check_run(folder):
    """Reads settings and images of a run folder's tensorboard/ as TensorBoard does."""
    acc = event_accumulator.EventAccumulator(folder)
    acc.Reload()
    print("images:", {tag: [(e.step, e.width, e.height) for e in acc.Images(tag)] for tag in acc.Tags()["images"]})
    content = acc.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    settings = hparams_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    print("settings:", len(settings), "optimizer.lr =", settings["optimizer.lr"].number_value)


def check(folder):
    acc = event_accumulator.EventAccumulator(folder, size_guidance={event_accumulator.SCALARS: 0})
    acc.Reload()
    got = {tag: [(e.step, e.value) for e in acc.Scalars(tag)] for tag in acc.Tags()["scalars"]}
    assert got == EXPECTED, got
    print("EventAccumulator:", {k: len(v) for k, v in got.items()})

    plugin = plugin_event_accumulator.EventAccumulator(folder, size_guidance={},
                                                       tensor_size_guidance={"scalars": 0})
    plugin.Reload()
    got = {tag: [(e.step, f32(e.tensor_proto.float_val[0] if e.tensor_proto.float_val else
                              struct.unpack("<f", e.tensor_proto.tensor_content)[0]))
                 for e in plugin.Tensors(tag)] for tag in plugin.Tags()["tensors"]}
    assert got == EXPECTED, got
    print("plugin EventAccumulator:", {k: len(v) for k, v in got.items()})

    with tempfile.TemporaryDirectory() as tmp:
        first = sorted(pathlib.Path(folder).iterdir())[0]
        (pathlib.Path(tmp) / first.name).write_bytes(first.read_bytes()[:-7])
        cut = event_accumulator.EventAccumulator(tmp)
        cut.Reload()
        assert [e.step for e in cut.Scalars("loss/train")] == list(range(6))
        assert [e.step for e in cut.Scalars("lr")] == [0]
        print("last record cut short: the others are read")

    for fast in ("false", "true"):
        server(folder, fast)


def server(folder, fast):
    """Asks a running TensorBoard for the scalars; --load_fast=true is the data server written in Rust.

    The data server ignores the session start. It drops a tag's steps from the one at which the tag goes on, so
    that step 5 of lr, which goes on after it, stays.
    """
    expected = EXPECTED if fast == "false" else EXPECTED | {"lr": [(0, 0.0), (5, f32(1e-6)), (FAR, f32(2e-6))]}
    port = "6123"
    program = pathlib.Path(sys.executable).with_name("tensorboard")
    p = subprocess.Popen([program, "--logdir", folder, "--port", port, "--load_fast", fast],
                         stderr=subprocess.DEVNULL, env=os.environ | {"NO_PROXY": "*"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        got = {}
        for _ in range(120):
            try:
                for tag in EXPECTED:
                    query = urllib.parse.urlencode({"run": ".", "tag": tag})
                    url = f"http://localhost:{port}/data/plugin/scalars/scalars?{query}"
                    got[tag] = [(s, float(v)) for _, s, v in json.load(opener.open(url, timeout=5))]
                break
            except OSError:
                time.sleep(0.5)
        assert got == expected, got
        print("tensorboard --load_fast", fast, {k: len(v) for k, v in got.items()})
    finally:
        p.terminate()
        p.wait()


if __name__ == "__main__":
    print("python", sys.version.split()[0], "tensorboard", tensorboard.__version__, "protobuf",
          google.protobuf.__version__)
    if sys.argv[1:2] == ["check"]:
        check(sys.argv[2])
    elif sys.argv[1:2] == ["run"]:
        check_run(sys.argv[2])
    else:
        write()
        write_summaries()
