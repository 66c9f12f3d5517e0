"""Makes onnx/weights/testdata with the official safetensors package, and reads what Go wrote with it.

    python tools/oracle/safetensors_files.py               makes the files again
    python tools/oracle/safetensors_files.py check FILE    fails unless FILE holds the same tensors as types.safetensors

types.safetensors holds tensors of every type that numpy and torch can save, a scalar and an empty one, and metadata.
hostile.csv lists damaged files (as hexadecimal) with the official library's verdict: the error's name, or empty where
it reads them. FOVEA_PYTHON=/path/to/python go test ./onnx/weights runs the check mode.
"""

import csv
import json
import pathlib
import struct
import sys

import safetensors
import safetensors.torch
import torch

OUT = pathlib.Path(__file__).parents[2] / "onnx" / "weights" / "testdata"


def tensors():
    torch.manual_seed(0)
    t = {}
    for dtype in (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16,
                  torch.bfloat16,
                  torch.float32, torch.float64, torch.float8_e4m3fn, torch.float8_e5m2, torch.uint16, torch.uint32,
                  torch.uint64, torch.complex64, torch.float8_e8m0fnu, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz):
        t[str(dtype).removeprefix("torch.")] = (torch.randn(3, 5).abs() * 4).to(dtype)
    t["scalar"] = torch.tensor(2.5)
    t["empty"] = torch.zeros(0, 4)
    t["blocks.0.attn.qkv.weight"] = torch.randn(6, 2)
    t['quote " slash \\ <&> ö'] = torch.randn(1)
    return t


def raw(header, data=b"", length=None):
    if not isinstance(header, bytes):
        header = json.dumps(header).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def info(dtype, shape, *offsets):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def hostile():
    one = info("U8", [2], 0, 2)
    yield "valid", raw({"a": one}, b"ab")
    yield "valid padded", raw(json.dumps({"a": one}).encode() + b"   ", b"ab")
    yield "valid unsorted", raw({"a": info("U8", [2], 2, 4), "b": one}, b"abcd")
    yield "valid no tensors", raw({})
    yield "valid zero sizes", raw({"a": info("F32", [0, 3], 0, 0), "b": info("F32", [], 0, 4),
                                   "c": info("F32", [0], 4, 4)}, b"abcd")
    yield "valid metadata", raw({"__metadata__": {"k": "v"}, "a": one}, b"ab")
    yield "valid half bytes", raw({"a": info("F4", [2, 2], 0, 2)}, b"ab")
    yield "too short", b"\x02\0\0"
    yield "header longer than file", raw({"a": one}, length=1000)
    yield "header too long", raw({"a": one}, length=100_000_001)
    yield "header far too long", raw({"a": one}, length=2**64 - 1)
    yield "no JSON", raw(b"{not json}")
    yield "not an object", raw(b"[1, 2]  ")
    yield "leading space", raw(b" " + json.dumps({"a": one}).encode(), b"ab")
    yield "not UTF-8", raw(b'{"\xff":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}', b"ab")
    yield "two values", raw(b"{} {}")
    yield "rubbish behind", raw(b"{}x")
    yield "unclosed", raw(b'{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}', b"ab")
    yield "overlap", raw({"a": one, "b": info("U8", [2], 1, 3)}, b"abc")
    yield "same bytes", raw({"a": one, "b": one}, b"ab")
    yield "gap", raw({"a": one, "b": info("U8", [2], 3, 5)}, b"abcde")
    yield "gap at the start", raw({"a": info("U8", [2], 1, 3)}, b"abc")
    yield "end before begin", raw({"a": info("U8", [2], 2, 0)}, b"ab")
    yield "negative offset", raw({"a": info("U8", [2], -2, 0)}, b"ab")
    yield "data missing", raw({"a": one}, b"a")
    yield "data left", raw({"a": one}, b"abc")
    yield "size", raw({"a": info("U8", [3], 0, 2)}, b"ab")
    yield "half byte", raw({"a": info("F4", [3], 0, 2)}, b"ab")
    yield "overflow", raw({"a": info("F32", [2**62, 4], 0, 0)})
    yield "overflow of bits", raw({"a": info("F32", [2**62], 0, 0)})
    yield "shape above int64", raw({"a": info("F32", [2**64], 0, 0)})
    yield "negative shape", raw({"a": info("U8", [-2], 0, 2)}, b"ab")
    yield "fraction", raw({"a": info("U8", [1.5], 0, 2)}, b"ab")
    yield "null in shape", raw({"a": info("U8", [None], 0, 0)})
    yield "dtype", raw({"a": info("X8", [2], 0, 2)}, b"ab")
    yield "no dtype", raw({"a": {"shape": [2], "data_offsets": [0, 2]}}, b"ab")
    yield "no shape", raw({"a": {"dtype": "U8", "data_offsets": [0, 2]}}, b"ab")
    yield "no offsets", raw({"a": {"dtype": "U8", "shape": [2]}}, b"ab")
    yield "one offset", raw({"a": {"dtype": "U8", "shape": [2], "data_offsets": [2]}}, b"ab")
    yield "three offsets", raw({"a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2, 3]}}, b"ab")
    yield "tensor is null", raw({"a": None})
    yield "metadata number", raw({"__metadata__": {"k": 1}})
    yield "metadata list", raw({"__metadata__": ["k"]})
    yield "key of another case", raw({"a": {"DType": "U8", "shape": [2], "data_offsets": [0, 2]}}, b"ab")


def make():
    OUT.mkdir(parents=True, exist_ok=True)
    # One metadata key: with more the official library's order is random.
    (OUT / "types.safetensors").write_bytes(safetensors.torch.save(tensors(), {"format": "pt"}))
    with open(OUT / "hostile.csv", "w", newline="") as f:
        table = csv.writer(f, lineterminator="\n")
        table.writerow(["name", "error", "hex"])
        for name, data in hostile():
            try:
                safetensors.deserialize(data)
                error = ""
            except Exception as e:
                error = str(e)
            table.writerow([name, error, data.hex()])


def check(path):
    want, got = tensors(), safetensors.torch.load_file(path)
    if want.keys() != got.keys():
        sys.exit(f"names differ: {sorted(want.keys() ^ got.keys())}")
    for name, w in want.items():
        g = got[name]
        same_bytes = bytes(g.reshape(-1).view(torch.uint8)) == bytes(w.reshape(-1).view(torch.uint8))
        if g.dtype != w.dtype or g.shape != w.shape or not same_bytes:
            sys.exit(f"{name} differs")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "check":
        check(sys.argv[2])
    else:
        make()
        print("safetensors", safetensors.__version__, "torch", torch.__version__)
