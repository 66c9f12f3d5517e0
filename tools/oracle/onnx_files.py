"""Makes onnx/testdata: small models with the official onnx package, and its checker's verdicts.

    python tools/oracle/onnx_files.py                makes the files again
    python tools/oracle/onnx_files.py check A B      fails unless model files A and B are valid and hold the same

typed.onnx and raw.onnx hold the same initializers, one of each element type, in typed fields and as raw_data;
external.onnx refers to external.bin. check/*.onnx are models with one fault each (and some without); check/verdicts.csv
says for each whether onnx.checker.check_model accepts it. FOVEA_PYTHON=/path/to/python go test ./onnx runs the check
mode on what Go saves.
"""

import csv
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

OUT = pathlib.Path(__file__).parents[2] / "onnx" / "testdata"

TYPES = [T.FLOAT, T.UINT8, T.INT8, T.UINT16, T.INT16, T.INT32, T.INT64, T.BOOL, T.FLOAT16, T.DOUBLE, T.UINT32, T.UINT64,
         T.COMPLEX64, T.COMPLEX128, T.BFLOAT16, T.FLOAT8E4M3FN, T.FLOAT8E4M3FNUZ, T.FLOAT8E5M2, T.FLOAT8E5M2FNUZ,
         T.UINT4,
         T.INT4, T.FLOAT4E2M1, T.FLOAT8E8M0, T.UINT2, T.INT2]


def values(dtype):
    """Seven elements that use the type's range; seven fills no byte of the packed types."""
    name = T.DataType.Name(dtype)
    if name == "BOOL":
        return np.array([1, 0, 0, 1, 1, 0, 1], bool)
    if name.startswith("COMPLEX"):
        return np.array([1 + 2j, -0.5j, 3, 1e-3 - 7j, 0, -1, 2.5], h.tensor_dtype_to_np_dtype(dtype))
    if name in ("UINT4", "UINT2"):
        return np.array([0, 1, 2, 3, 3, 1, 2])
    if name in ("INT4", "INT2"):
        return np.array([0, 1, -1, -2, 1, -2, -1])
    if name.startswith(("INT", "UINT")):
        info = np.iinfo(h.tensor_dtype_to_np_dtype(dtype))
        return np.array([info.min, info.max, 0, 1, 2, info.max // 3, 77], h.tensor_dtype_to_np_dtype(dtype))
    if name == "FLOAT8E8M0":
        return np.array([1, 2, 4, 0.5, 0.25, 8, 16], np.float32)
    return np.array([0, 1, -1.5, 0.5, -2, 3, 4], np.float32)


def model(nodes=(), inputs=("x",), outputs=("y",), initializers=(), ir=10, opsets=(("", 17),), functions=(), name="g"):
    info = lambda n: h.make_tensor_value_info(n, T.FLOAT, [2])
    g = h.make_graph(list(nodes), name, [info(n) for n in inputs], [info(n) for n in outputs], list(initializers))
    return h.make_model(g, ir_version=ir, opset_imports=[h.make_opsetid(*o) for o in opsets], functions=list(functions))


def node(op, ins, outs, name=None, **attributes):
    return h.make_node(op, ins.split(), outs.split(), name=name, **attributes)


def branch(ins="x", out="b", op="Neg"):
    return h.make_graph([node(op, ins, out, "inner")], "branch", [], [h.make_tensor_value_info(out, T.FLOAT, [2])])


def check_cases():
    w = numpy_helper.from_array(np.ones(2, np.float32), "w")
    cond = numpy_helper.from_array(np.array(True), "c")
    cases = {
        "valid": model([node("Add", "x w", "y", "add")], initializers=[w]),
        "valid_optional_input": model([h.make_node("Clip", ["x", "", "m"], ["y"])],
                                      initializers=[numpy_helper.from_array(np.array(1, np.float32), "m")]),
        "valid_if_outer_scope": model([node("If", "c", "y", "if", then_branch=branch(out="b"),
                                            else_branch=branch(out="d"))], initializers=[cond]),
        "valid_initializer_for_input": model([node("Neg", "x", "y")],
                                             initializers=[numpy_helper.from_array(np.ones(2, np.float32), "x")]),
        "order": model([node("Neg", "a", "y", "second"), node("Abs", "x", "a", "first")]),
        "cycle": model([node("Add", "x b", "a", "one"), node("Neg", "a", "b", "two"), node("Abs", "b", "y", "three")]),
        "self_cycle": model([node("Add", "x y", "y", "own")]),
        "undefined": model([node("Add", "x nowhere", "y", "add")]),
        "twice_made": model([node("Neg", "x", "y", "one"), node("Abs", "x", "y", "two")]),
        "input_made": model([node("Neg", "x", "y", "one"), node("Neg", "y", "x", "two")]),
        "two_inputs": model([node("Neg", "x", "y")], inputs=("x", "x")),
        "no_ir": model([node("Neg", "x", "y")], ir=0),
        "newer_ir": model([node("Neg", "x", "y")], ir=99),
        "no_opset": model([node("Neg", "x", "y")], opsets=()),
        "foreign_domain": model([node("FusedMatMul", "x x", "y", "f", domain="com.microsoft")]),
        "no_op_type": model([node("", "x", "y", "blank")]),
        "old_ir_initializer": model([node("Add", "x w", "y")], initializers=[w], ir=3, opsets=(("", 8),)),
        "subgraph_undefined": model([node("If", "c", "y", "if", then_branch=branch("nowhere"),
                                          else_branch=branch(out="d"))], initializers=[cond]),
        "subgraph_shadows": model([node("Neg", "x", "b", "outer"),
                                   node("If", "c", "y", "if", then_branch=branch(), else_branch=branch(out="d"))],
                                   initializers=[cond]),
        "function_undefined": model(
            [node("F", "x", "y", "call", domain="own")], opsets=(("", 17), ("own", 1)),
            functions=[h.make_function("own", "F", ["a"], ["r"], [node("Add", "a nowhere", "r", "body")],
                                       [h.make_opsetid("", 17)])]),
    }
    short = numpy_helper.from_array(np.ones(2, np.float32), "w")
    short.raw_data = short.raw_data[:4]
    cases["short_data"] = model([node("Add", "x w", "y")], initializers=[short])
    untyped = numpy_helper.from_array(np.ones(2, np.float32), "w")
    untyped.data_type = 0
    cases["no_data_type"] = model([node("Add", "x w", "y")], initializers=[untyped])
    negative = numpy_helper.from_array(np.ones(2, np.float32), "w")
    negative.dims[0] = -2
    cases["negative_dim"] = model([node("Add", "x w", "y")], initializers=[negative])
    twice = model([node("LeakyRelu", "x", "y", "leaky", alpha=0.1)])
    twice.graph.node[0].attribute.add().CopyFrom(twice.graph.node[0].attribute[0])
    cases["attribute_twice"] = twice
    return cases


def make():
    (OUT / "check").mkdir(parents=True, exist_ok=True)
    typed, raw = [], []
    for dtype in TYPES:
        name = T.DataType.Name(dtype).lower()
        v = values(dtype)
        typed.append(h.make_tensor(name, dtype, v.shape, v.tolist()))
        packed = numpy_helper.to_array(typed[-1])
        raw.append(numpy_helper.from_array(packed, name))
        assert raw[-1].data_type == dtype and raw[-1].HasField("raw_data"), name
    scalar = np.float32(2.5)
    typed.append(h.make_tensor("scalar", T.FLOAT, [], [float(scalar)]))
    raw.append(numpy_helper.from_array(np.array(scalar), "scalar"))
    typed.append(h.make_tensor("empty", T.INT64, [3, 0], []))
    raw.append(numpy_helper.from_array(np.zeros((3, 0), np.int64), "empty"))
    for name, tensors in (("typed", typed), ("raw", raw)):
        onnx.save(model([node("Neg", "x", "y")], initializers=tensors, ir=13), OUT / f"{name}.onnx")

    rng = np.random.default_rng(0)
    weights = [numpy_helper.from_array(rng.standard_normal(s).astype(np.float32), n)
               for n, s in (("w", (20, 30)), ("v", (30, 40)), ("small", (3,)))]
    m = model([node("Neg", "x", "y")], initializers=weights)
    onnx.save(m, OUT / "inline.onnx")
    for f in ("external.onnx", "external.bin"):
        (OUT / f).unlink(missing_ok=True)
    onnx.save(m, OUT / "external.onnx", save_as_external_data=True, location="external.bin", size_threshold=1024)

    with open(OUT / "check" / "verdicts.csv", "w", newline="") as f:
        table = csv.writer(f, lineterminator="\n")
        table.writerow(["name", "valid", "reason"])
        for name, m in check_cases().items():
            (OUT / "check" / f"{name}.onnx").write_bytes(m.SerializeToString())
            try:
                onnx.checker.check_model(m)
                table.writerow([name, "true", ""])
            except Exception as e:
                table.writerow([name, "false", str(e).split("\n")[0][:150]])


def check(a, b):
    models = []
    for path in (a, b):
        onnx.checker.check_model(path)
        m = onnx.load(path)
        for t in m.graph.initializer:  # where the bytes were is no difference
            t.ClearField("data_location")
            t.ClearField("external_data")
            t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(t), t.name))
        models.append(m)
    if models[0] != models[1]:
        sys.exit(f"{a} and {b} differ")


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "check":
        check(sys.argv[2], sys.argv[3])
    else:
        make()
        print("onnx", onnx.__version__, "numpy", np.__version__)
