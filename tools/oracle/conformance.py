"""Makes the corpora in tools/conformance/testdata: cases of operators that have a gradient.

    python tools/oracle/conformance.py

onnx.bin.gz       the ONNX project's node cases, onnx.backend.test, with one node of the standard domain
expanded.bin.gz   those in which the operator is written out in simpler ones: its function body
onnx-go.bin.gz    older ones of the ONNX project, opset 9 and 10, as onnx-go v0.5.0 carries them
contrib.bin.gz    ONNX Runtime's own operators, from conformance_contrib.py
optional.bin.gz   cases of these with an optional input or output left out; the results are onnxruntime's

Kept are cases with a float32 or float64 input and such an output, that stock onnxruntime runs on the CPU with the expected result.
A file is a gzip stream of models, each behind its length (4 bytes, little-endian). A model's graph has the case's name, and its
doc_string the operator's; its inputs are the float ones, with the case's values as initializers of the same names; the expected
results are there under the outputs' names too. All other inputs, and floats that only decide shapes, are initializers alone.
float64 became float32, and newer opsets became 25, 28 or 21, the first with which onnxruntime gives what is expected.
"""

import base64
import collections
import gzip
import json
import multiprocessing
import pathlib
import resource
import struct
import subprocess
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema

import conformance_contrib

ROOT = pathlib.Path(__file__).parents[2]
OUT = ROOT / "tools" / "conformance" / "testdata"
FLOATS = (T.FLOAT, T.DOUBLE)
OPSETS = 25, 28, 21  # which are tried; supported onnxruntimes lack some operators in the newest form, and 28 altogether
MOST = 20_000  # elements of a case
# What ends the process of a supported onnxruntime if it is left out, or makes it read what nobody wrote: operator, side, position.
CRASHES = {("com.microsoft.Attention", 0, 2), ("com.microsoft.MultiHeadAttention", 1, 1), ("com.microsoft.MultiHeadAttention", 1, 2)}
CONSTANT = {"Resize": (1, 2), "Upsample": (1,), "Range": (0, 1, 2), "Dropout": (1,), "CastLike": (1,),
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


def case(name, op, source, inputs, outputs, opset):
    """The model of a case as it is kept, its inputs and expected results; None if it is not kept."""
    model = onnx.ModelProto()
    model.CopyFrom(source)
    graph = model.graph
    if graph.initializer or len(inputs) != len(graph.input):
        return None
    if not any(kind(v) in FLOATS for v in graph.input) or not any(kind(v) in FLOATS for v in graph.output):
        return None
    if any(not v.type.HasField("tensor_type") or kind(v) == T.STRING for v in list(graph.input) + list(graph.output)):
        return None
    for o in model.opset_import:
        if not o.domain:
            o.version = min(o.version, opset)
    model.ir_version = min(max(model.ir_version, 4), 10)  # 3 does not know initializers that are no inputs
    single(graph.input)
    single(graph.output)
    single(graph.value_info)
    for n in graph.node:
        for a in n.attribute:
            if n.op_type == "Cast" and a.name == "to" and a.i == T.DOUBLE:
                a.i = T.FLOAT
    inputs, outputs = ([array(x) for x in side] for side in (inputs, outputs))
    if sum(x.size for x in inputs) > MOST or any(x.size == 0 for x in outputs):
        return None
    variables = []
    for i, (v, x) in enumerate(zip(graph.input, inputs)):
        graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(x).reshape(x.shape), v.name))
        if kind(v) == T.FLOAT and i not in CONSTANT.get(op, ()):
            variables.append(onnx.ValueInfoProto.FromString(v.SerializeToString()))
            if x.size == 0:
                return None
    for v, y in zip(graph.output, outputs):
        graph.initializer.append(numpy_helper.from_array(y, v.name))
    names = {v.name for v in variables}
    values = {v.name: x for v, x in zip(graph.input, inputs) if v.name in names}
    del graph.input[:]
    graph.input.extend(variables)
    graph.name, graph.doc_string, model.producer_name = name, op, ""
    return (model, values, outputs) if variables else None


def largest(y):
    """The largest magnitude, at least 1: sums such as those of DFT are off by a part of it."""
    return np.abs(y, where=np.isfinite(y), out=np.zeros(y.shape)).max(initial=1.0)


def run(model, inputs):
    """What onnxruntime gives."""
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    own = {v.name for v in plain.graph.output} | set(inputs)
    kept = [t for t in plain.graph.initializer if t.name not in own]
    del plain.graph.initializer[:]
    plain.graph.initializer.extend(kept)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(plain.SerializeToString(), options, ["CPUExecutionProvider"]).run(None, inputs)


def problem(model, inputs, expected, rtol):
    """Why onnxruntime does not give what is expected."""
    try:
        got = run(model, inputs)
    except Exception as e:
        return str(e).split("\n")[0]
    for x, y in zip(got, expected):
        if x.shape != y.shape or not np.allclose(x, y, rtol=max(rtol, 1e-3), atol=1e-4 * largest(y), equal_nan=True):
            return "another result"
    return ""


def node_cases():
    """Name, operator, model, inputs, results and tolerance of ONNX's cases of one node, and of those written out."""
    plain, expanded = [], []
    cases = sorted(collect_testcases(None), key=lambda c: c.name)
    operators = {c.name: c.model.graph.node[0].op_type for c in cases}
    for c in cases:
        name, nodes = c.name.removeprefix("test_"), c.model.graph.node
        if "_expanded" in name:
            expanded.append((name, operators[c.name.split("_expanded")[0]], c.model, *c.data_sets[0], c.rtol))
        elif len(nodes) == 1 and not nodes[0].domain and any(not o.domain for o in c.model.opset_import):
            plain.append((name, nodes[0].op_type, c.model, *c.data_sets[0], c.rtol))
    return plain, expanded


def optional_slots(op, domain):
    """The positions of an operator's optional inputs and outputs."""
    schemas = [s for s in get_all_operator_schema() if s.name == op and s.domain == domain]
    newest = max(schemas, key=lambda s: s.since_version)
    return [[i for i, v in enumerate(side) if v.option.name in ("Optional", "Variadic") and (v.option.name == "Optional" or i > 0)]
            for side in (newest.inputs, newest.outputs)]


def without(model, inputs, expected, i, j):
    """The model, values and results without input i or output j of its node."""
    m = onnx.ModelProto.FromString(model.SerializeToString())
    node, graph = m.graph.node[0], m.graph
    if i is not None:
        name, node.input[i] = node.input[i], ""
        if name in node.input:
            return None
        inputs = {k: x for k, x in inputs.items() if k != name}
        keep([graph.input, graph.initializer], name)
    else:
        name, node.output[j] = node.output[j], ""
        expected = [y for v, y in zip(graph.output, expected) if v.name != name]
        keep([graph.output, graph.initializer], name)
    if not inputs or not any(kind(v) == T.FLOAT for v in graph.output):
        return None
    for side in (node.input, node.output):
        while side and not side[-1]:
            side.pop()
    return m, inputs, expected


def keep(lists, name):
    """Drops what has the name from lists."""
    for values in lists:
        for k in reversed(range(len(values))):
            if values[k].name == name:
                del values[k]


class Guarded:
    """Runs models in another process: some kernels end theirs where an optional input is left out."""

    def __init__(self):
        self.pool = None

    def run(self, model, inputs):
        """The results, or None if onnxruntime does not give any."""
        self.pool = self.pool or ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), limit_memory)
        try:
            return self.pool.submit(run, model, inputs).result(timeout=20)
        except (BrokenProcessPool, TimeoutError):
            for process in (self.pool._processes or {}).values():
                process.kill()
            self.pool = None
        except Exception:
            pass
        return None


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))


def optional_cases(cases):
    """Cases, two an input or output, in which one that is optional is left out and that onnxruntime still runs."""
    count, guarded = collections.Counter(), Guarded()
    for name, op, source, *rest, rtol in cases:
        found = next((f for f in (case(name, op, source, *rest, o) for o in OPSETS) if f and not problem(*f, rtol)), None)
        if not found:
            continue
        node = found[0].graph.node[0]
        slots = optional_slots(node.op_type, node.domain)
        for side, positions in enumerate(slots):
            names = (node.input, node.output)[side]
            for i in positions:
                if i >= len(names) or not names[i] or count[op, side, i] == 2 or (op, side, i) in CRASHES:
                    continue
                left = without(*found, i if side == 0 else None, i)
                if not left:
                    continue
                m, values, _ = left
                results = guarded.run(m, values)
                if results is None or any(y.size == 0 or y.dtype == object for y in results):
                    continue  # it is not optional here
                for v, y in zip(m.graph.output, results):
                    keep([m.graph.initializer], v.name)
                    m.graph.initializer.append(numpy_helper.from_array(y, v.name))
                    while v.type.tensor_type.HasField("shape"):
                        v.type.tensor_type.ClearField("shape")
                count[op, side, i] += 1
                m.graph.name = f"{name}_without_{'output' if side else 'input'}_{i}"
                yield m


def onnx_go_cases():
    command = ["go", "run", "./tools/onnxgo", "cases"]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.splitlines()

    def tensor(t):
        return np.frombuffer(base64.b64decode(t["Data"]), np.dtype(t["Type"])).reshape(t["Shape"] or ())

    for c in sorted(map(json.loads, lines), key=lambda c: c["Title"]):
        inputs, results = ([tensor(t) for t in c[side] or ()] for side in ("Inputs", "Results"))
        model = onnx.load_from_string(base64.b64decode(c["Model"]))
        yield c["Title"].removeprefix("Test"), c["Op"], model, inputs, results, 1e-3


def write(name, cases):
    kept, left = [], collections.Counter()
    for *c, rtol in cases:
        found = [f for f in (case(*c, opset) for opset in OPSETS) if f]
        problems = [problem(*f, rtol) for f in found]
        if "" in problems:
            kept.append(found[problems.index("")][0])
        elif found:
            left[c[1]] += 1
    save(name, kept)
    print("not run as expected:", dict(left))


def save(name, kept):
    data = b"".join(struct.pack("<I", len(m)) + m for m in (m.SerializeToString(deterministic=True) for m in kept))
    path = OUT / (name + ".bin.gz")
    path.write_bytes(gzip.compress(data, 9, mtime=0))
    print(f"{name}: {len(kept)} cases of {len({m.graph.doc_string for m in kept})} operators, {path.stat().st_size} bytes")


def main():
    warnings.simplefilter("ignore")
    plain, expanded = node_cases()
    write("onnx", plain)
    write("expanded", expanded)
    write("onnx-go", onnx_go_cases())
    contrib = list(conformance_contrib.cases())
    write("contrib", contrib)
    save("optional", list(optional_cases(plain + contrib)))


if __name__ == "__main__":
    main()
