"""Makes .pdparams files with paddle.save (needs requirements-paddle.txt).

onnx/weights/testdata
    paddle_{2,3,4}.pdparams    the state dict of a Linear(3, 2), a LayerNorm and an array of integers, one file for each
                               pickle protocol
    paddle_nested.pdparams     the same below "model", beside an epoch: a parameter is then (name, array)
    paddle_bfloat16.pdparams   a Linear in bfloat16, which NumPy spells as uint16
    paddle_parts.pdparams      the same state dict, its weight in three parts, as paddle.save does from 1 GiB on with
                               protocol 2
    paddle.csv                 their tensors: file, name, shape, elements in row-major order
models/pretrained/testdata
    vit.pdparams               a ViT of two blocks as PaddlePaddle keeps it, Linear weights [in,out]; values of
                               mae_random.py
"""

import csv
import pathlib
import pickle

import numpy as np
import paddle

import mae_random

ROOT = pathlib.Path(__file__).parents[2]
OUT = ROOT / "onnx" / "weights" / "testdata"


def parts(state, key, most):
    """What _unpack_saved_dict of paddle/framework/io_utils.py makes of one array that has more elements than most."""
    value = state.pop(key)
    flat = value.flatten()
    names = [f"{key}@@.{i}" for i in range(-(-flat.size // most))]
    for i, name in enumerate(names):
        state[name] = flat[i * most:(i + 1) * most]
    state["UnpackBigParamInfor@@"] = {key: {"OriginShape": value.shape, "slices": names}}


def main():
    paddle.seed(0)
    model = paddle.nn.Sequential(paddle.nn.Linear(3, 2), paddle.nn.LayerNorm(2))
    state = model.state_dict()
    state["steps"] = paddle.to_tensor([1, 2, 3])
    half = paddle.nn.Linear(3, 2)
    half.to(dtype="bfloat16")
    files = {}

    def save(name, value, tensors, **options):
        paddle.save(value, str(OUT / f"paddle_{name}.pdparams"), **options)
        files[name] = tensors

    for protocol in (2, 3, 4):
        save(str(protocol), state, state, protocol=protocol)
    save("nested", {"model": state, "epoch": 3}, {f"model.{k}": v for k, v in state.items()})
    save("bfloat16", half.state_dict(), {k: v.astype("float32") for k, v in half.state_dict().items()})
    with open(OUT / "paddle_2.pdparams", "rb") as f:
        split = pickle.load(f)
    parts(split, "0.weight", 2)
    with open(OUT / "paddle_parts.pdparams", "wb") as f:
        pickle.dump(split, f, protocol=2)
    files["parts"] = state
    loaded = paddle.load(str(OUT / "paddle_parts.pdparams"))
    assert np.array_equal(loaded["0.weight"].numpy(), state["0.weight"].numpy())

    with open(OUT / "paddle.csv", "w", newline="") as f:
        table = csv.writer(f, lineterminator="\n")
        table.writerow(["file", "name", "shape", "elements"])
        for file, tensors in files.items():
            for name, t in tensors.items():
                a = t.numpy()
                table.writerow([file, name, " ".join(map(str, a.shape)),
                                " ".join(repr(x) for x in a.flatten().tolist())])
    vit = {name: t.T if t.ndim == 2 else t for name, t in mae_random.encoder().items()}
    paddle.save({name: paddle.to_tensor(t) for name, t in vit.items()},
                str(ROOT / "models/pretrained/testdata/vit.pdparams"))
    print("paddle", paddle.__version__, "numpy", np.__version__)


if __name__ == "__main__":
    main()
