"""Makes tools/conformance/testdata/cases.bin.gz: the ONNX project's node cases that have a gradient.

    python tools/oracle/conformance.py

Kept are the cases of onnx.backend.test with one node of the standard domain, a float32 or float64 input and such an output, that
stock onnxruntime runs on the CPU with the expected result. The file is a gzip stream of models, each behind its length (4
bytes, little-endian). A model's graph has the case's name; its inputs are the float ones, with the case's values as initializers
of the same names; the expected results are there under the outputs' names too. All other inputs, and floats that only decide shapes, are initializers alone. float64 became float32, and
newer opsets became 25, if onnxruntime still gives what is expected.
"""

import collections
import gzip
import pathlib
import struct
import warnings

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

OUT = pathlib.Path(__file__).parents[2] / "tools" / "conformance" / "testdata" / "cases.bin.gz"
FLOATS = (T.FLOAT, T.DOUBLE)
NEWEST = 25  # opset
MOST = 20_000  # elements of a case
UNKNOWN = {"left_window_size", "right_window_size"}  # attributes that not every supported onnxruntime knows
CONSTANT = {"Resize": (1, 2), "Upsample": (1,), "Range": (0, 1, 2), "Dropout": (1,),
            "OneHot": (0, 1), "MelWeightMatrix": range(5)}  # inputs that are no variables


def kind(value):
    return value.type.tensor_type.elem_type


def single(values):
    """The float64 among the declared values become float32."""
    for v in values:
        if kind(v) == T.DOUBLE:
            v.type.tensor_type.elem_type = T.FLOAT


def array(x):
    """A tensor of a case as an array, float64 as float32."""
    x = numpy_helper.to_array(x) if isinstance(x, onnx.TensorProto) else np.asarray(x)
    return x.astype(np.float32) if x.dtype == np.float64 else x


def case(c):
    """The model of a case as it is kept, its inputs and expected results; None if it is not kept."""
    model = onnx.ModelProto()
    model.CopyFrom(c.model)
    graph = model.graph
    opset = {o.domain: o for o in model.opset_import}
    if "_expanded" in c.name or len(graph.node) != 1 or graph.node[0].domain or "" not in opset or graph.initializer:
        return None
    node = graph.node[0]
    if not any(kind(v) in FLOATS for v in graph.input) or not any(kind(v) in FLOATS for v in graph.output):
        return None
    if any(not v.type.HasField("tensor_type") or kind(v) == T.STRING for v in list(graph.input) + list(graph.output)):
        return None
    if UNKNOWN & {a.name for a in node.attribute}:
        return None
    opset[""].version = min(opset[""].version, NEWEST)
    model.ir_version = min(model.ir_version, 10)
    single(graph.input)
    single(graph.output)
    for a in node.attribute:
        if node.op_type == "Cast" and a.name == "to" and a.i == T.DOUBLE:
            a.i = T.FLOAT
    inputs, outputs = ([array(x) for x in side] for side in c.data_sets[0])
    if len(inputs) != len(graph.input) or sum(x.size for x in inputs) > MOST or any(x.size == 0 for x in inputs + outputs):
        return None
    constants = {node.input[i] for i in CONSTANT.get(node.op_type, ()) if i < len(node.input)}
    variables = []
    for v, x in zip(graph.input, inputs):
        graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(x).reshape(x.shape), v.name))
        if kind(v) == T.FLOAT and v.name not in constants:
            variables.append(v)
    variables = [onnx.ValueInfoProto.FromString(v.SerializeToString()) for v in variables]
    for v, y in zip(graph.output, outputs):
        graph.initializer.append(numpy_helper.from_array(y, v.name))
    names = {v.name for v in variables}
    del graph.input[:]
    graph.input.extend(variables)
    graph.name = c.name.removeprefix("test_")
    model.producer_name = graph.doc_string = ""
    return (model, {v.name: x for v, x in zip(c.model.graph.input, inputs) if v.name in names}, outputs) if variables else None


def runs(model, inputs, expected, rtol):
    """Whether onnxruntime gives what is expected."""
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    own = {v.name for v in plain.graph.output} | set(inputs)
    kept = [t for t in plain.graph.initializer if t.name not in own]
    del plain.graph.initializer[:]
    plain.graph.initializer.extend(kept)
    try:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        got = onnxruntime.InferenceSession(plain.SerializeToString(), options, ["CPUExecutionProvider"]).run(None, inputs)
    except Exception as e:
        return str(e).split("\n")[0]
    for x, y in zip(got, expected):
        if x.shape != y.shape or not np.allclose(x, y, rtol=max(rtol, 1e-3), atol=1e-4, equal_nan=True):
            return "another result"
    return ""


def main():
    warnings.simplefilter("ignore")
    kept, left = [], collections.Counter()
    for c in sorted(collect_testcases(None), key=lambda c: c.name):
        found = case(c)
        if found is None:
            continue
        problem = runs(*found, c.rtol)
        if problem:
            left[found[0].graph.node[0].op_type] += 1
            continue
        kept.append(found[0])
    data = b"".join(struct.pack("<I", len(m)) + m for m in (m.SerializeToString(deterministic=True) for m in kept))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_bytes(gzip.compress(data, 9, mtime=0))
    print(f"{len(kept)} cases of {len({m.graph.node[0].op_type for m in kept})} operators, {OUT.stat().st_size} bytes")
    print("not run as expected:", dict(left))


if __name__ == "__main__":
    main()
