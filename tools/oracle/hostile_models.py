"""Writes onnx/limits/testdata/hostile.zip: classifiers of a few kB that ended the process of ONNX Runtime 1.27, or that
asked for gigabytes or hours.

  python3 tools/oracle/hostile_models.py OUT.zip
"""

import sys
import zipfile

import numpy as np
import onnx.helper as h
import onnx.numpy_helper as nh

out = zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED)


def cls(name, nodes, inits=(), opset=17, x=["N", 3, 8, 8], last="y", functions=(), opsets=()):
    W = nh.from_array(np.tile(np.arange(-3, 4) / 100, 83)[:576].reshape(192, 3).astype(np.float32), "W")
    nodes = list(nodes) + [
        h.make_node(
            "Flatten",
            [last],
            ["fl"],
        ),
        h.make_node("MatMul", ["fl", "W"], ["out"]),
    ]
    g = h.make_graph(
        nodes,
        "g",
        [h.make_tensor_value_info("x", 1, x)],
        [h.make_tensor_value_info("out", 1, ["N", 3])],
        [W] + [nh.from_array(np.array(v), k) for k, v in inits],
    )
    m = h.make_model(
        g,
        opset_imports=[h.make_opsetid("", opset)] + [h.make_opsetid(*o) for o in opsets],
        ir_version=8,
        functions=list(functions),
    )
    out.writestr(zipfile.ZipInfo(f"{name}.onnx", (2026, 1, 1, 0, 0, 0)), m.SerializeToString(), zipfile.ZIP_DEFLATED)


n = h.make_node
i64 = np.int64
red = lambda v: [
    n("Cast", [v], [v + "f"], to=1),
    n("ReduceSum", [v + "f"], [v + "s"], keepdims=0),
    n("Add", ["x", v + "s"], ["y"]),
]
# int division, data dependent
cls(
    "div0_data",
    [n("Cast", ["x"], ["xi"], to=7), n("Sub", ["xi", "xi"], ["z"]), n("Div", ["xi", "z"], ["q"])] + red("q"),
)
cls(
    "mod0_data",
    [n("Cast", ["x"], ["xi"], to=7), n("Sub", ["xi", "xi"], ["z"]), n("Mod", ["xi", "z"], ["q"])] + red("q"),
)
cls(
    "divmin_data",
    [
        n("Cast", ["x"], ["xi"], to=7),
        n("Sub", ["xi", "xi"], ["z"]),
        n("Add", ["z", "mn"], ["a"]),
        n("Sub", ["z", "one"], ["b"]),
        n("Div", ["a", "b"], ["q"]),
    ]
    + red("q"),
    [("mn", i64(-(2**63))), ("one", i64(1))],
)
cls("div0_const", [n("Cast", ["x"], ["xi"], to=7), n("Div", ["xi", "z"], ["q"])] + red("q"), [("z", i64(0))])
cls(
    "div0_computed",
    [n("Cast", ["x"], ["xi"], to=7), n("Sub", ["one", "one"], ["z"]), n("Div", ["xi", "z"], ["q"])] + red("q"),
    [("one", i64(1))],
)
cls("divmin_const", [n("Div", ["mn", "m1"], ["q"])] + red("q"), [("mn", i64(-(2**63))), ("m1", i64(-1))])
cls("divmin32_const", [n("Div", ["mn", "m1"], ["q"])] + red("q"), [("mn", np.int32(-(2**31))), ("m1", np.int32(-1))])
cls("div_shape", [n("Shape", ["x"], ["s"]), n("Sub", ["s", "s"], ["z"]), n("Div", ["s", "z"], ["q"])] + red("q"))
cls(
    "divmin_shape",
    [
        n("Shape", ["x"], ["s"]),
        n("Sub", ["s", "s"], ["z"]),
        n("Add", ["z", "mn"], ["a"]),
        n("Sub", ["z", "one"], ["b"]),
        n("Div", ["a", "b"], ["q"]),
    ]
    + red("q"),
    [("mn", i64(-(2**63))), ("one", i64(1))],
)
cls("mod0_u8", [n("Cast", ["x"], ["xi"], to=2), n("Sub", ["xi", "xi"], ["z"]), n("Mod", ["xi", "z"], ["q"])] + red("q"))
cls(
    "div_in_if",
    [
        n(
            "If",
            ["c"],
            ["y"],
            then_branch=h.make_graph(
                [n("Cast", ["x"], ["xi"], to=7), n("Sub", ["xi", "xi"], ["z"]), n("Div", ["xi", "z"], ["q"])]
                + [n("Cast", ["q"], ["qf"], to=1)],
                "t",
                [],
                [h.make_tensor_value_info("qf", 1, None)],
            ),
            else_branch=h.make_graph(
                [n("Identity", ["x"], ["ee"])], "e", [], [h.make_tensor_value_info("ee", 1, None)]
            ),
        )
    ],
    [("c", np.bool_(True))],
)
# data-dependent infinite loop
body = h.make_graph(
    [
        n("ReduceSum", ["vi"], ["rs"], keepdims=0),
        n("Abs", ["rs"], ["ra"]),
        n("Greater", ["ra", "neg"], ["co"]),
        n("Relu", ["vi"], ["vo"]),
    ],
    "b",
    [
        h.make_tensor_value_info("it", 7, []),
        h.make_tensor_value_info("ci", 9, []),
        h.make_tensor_value_info("vi", 1, ["N", 3, 8, 8]),
    ],
    [h.make_tensor_value_info("co", 9, []), h.make_tensor_value_info("vo", 1, ["N", 3, 8, 8])],
    [nh.from_array(np.float32(-1), "neg")],
)
cls("loop_data", [n("Loop", ["", "ct", "x"], ["y"], body=body)], [("ct", np.bool_(True))])
cls("loop_maxint", [n("Loop", ["m", "ct", "x"], ["y"], body=body)], [("ct", np.bool_(True)), ("m", i64(2**63 - 1))])
b2 = h.make_graph(
    [n("Identity", ["ci"], ["co"]), n("Relu", ["vi"], ["vo"])],
    "b",
    [
        h.make_tensor_value_info("it", 7, []),
        h.make_tensor_value_info("ci", 9, []),
        h.make_tensor_value_info("vi", 1, ["N", 3, 8, 8]),
    ],
    [h.make_tensor_value_info("co", 9, []), h.make_tensor_value_info("vo", 1, ["N", 3, 8, 8])],
)
cls("loop_forever", [n("Loop", ["", "ct", "x"], ["y"], body=b2)], [("ct", np.bool_(True))])
cls(
    "loop_computed",
    [n("Mul", ["a", "a"], ["m"]), n("Loop", ["m", "ct", "x"], ["y"], body=b2)],
    [("ct", np.bool_(True)), ("a", i64(100000))],
)
cls(
    "loop_fromshape",
    [
        n("Shape", ["x"], ["s"]),
        n("ReduceProd", ["s"], ["p"], keepdims=0),
        n("Mul", ["p", "p"], ["p2"]),
        n("Mul", ["p2", "p2"], ["m"]),
        n("Loop", ["m", "ct", "x"], ["y"], body=b2),
    ],
    [("ct", np.bool_(True))],
)
cls(
    "loop_fromdata",
    [
        n("ReduceSum", ["x"], ["rs"], keepdims=0),
        n("Abs", ["rs"], ["ra"]),
        n("Add", ["ra", "big"], ["rb"]),
        n("Cast", ["rb"], ["m"], to=7),
        n("Loop", ["m", "ct", "x"], ["y"], body=b2),
    ],
    [("ct", np.bool_(True)), ("big", np.float32(1e12))],
)


# doublings by other operators
def dbl(name, step, k=30, init=None, **kw):
    nodes = []
    p = "x" if init is None else "k0"
    for i in range(k):
        nodes += step(p, f"v{i}", i)
        p = f"v{i}"
    return nodes, p


ax = ("ax", np.array([2], i64))
s0 = ("s0", np.array([0], i64))
s8 = ("s8", np.array([8], i64))


def fin(p):
    return [n("Slice", [p, "s0", "s8", "ax"], ["y"])]


nd, p = dbl("t", lambda a, b, i: [n("Tile", [a, "r"], [b])])
cls("tile_x", nd + fin(p), [ax, s0, s8, ("r", np.array([1, 1, 2, 1], i64))])
nd, p = dbl("t", lambda a, b, i: [n("Resize", [a, "", "sc"], [b])])
cls("resize_x", nd + fin(p), [ax, s0, s8, ("sc", np.array([1, 1, 2, 1], np.float32))])
nd, p = dbl("t", lambda a, b, i: [n("Pad", [a, "pd"], [b])], k=3000)
cls("pad_x", nd + fin(p), [ax, s0, s8, ("pd", np.array([0, 0, 100000, 0, 0, 0, 0, 0], i64))])
nd, p = dbl(
    "t",
    lambda a, b, i: [
        n("Unsqueeze", [a, "u3"], [b + "u"]),
        n("Concat", [b + "u", b + "u"], [b + "c"], axis=3),
        n("Reshape", [b + "c", "sh"], [b]),
    ],
)
cls(
    "unsq_x",
    nd + [n("Slice", [p, "s0", "s192", "ax1"], ["y0"]), n("Reshape", ["y0", "shx"], ["y"])],
    [
        ("sh", np.array([0, 1, -1], i64)),
        ("u3", np.array([3], i64)),
        s0,
        ("s192", np.array([192], i64)),
        ("ax1", np.array([2], i64)),
        ("shx", np.array([0, 3, 8, 8], i64)),
    ],
)
cls(
    "outer_x",
    [
        n("Reshape", ["x", "c"], ["a"]),
        n("Reshape", ["x", "r"], ["b"]),
        n("Mul", ["a", "b"], ["ab"]),
        n("Reshape", ["ab", "c"], ["a2"]),
        n("Reshape", ["ab", "r"], ["b2"]),
        n("Mul", ["a2", "b2"], ["o"]),
        n("ReduceMax", ["o"], ["om"], keepdims=0),
        n("Add", ["x", "om"], ["y"]),
    ],
    [("c", np.array([-1, 1], i64)), ("r", np.array([1, -1], i64))],
)
cls(
    "matmul_x",
    [
        n("Reshape", ["x", "c"], ["a"]),
        n("Reshape", ["x", "r"], ["b"]),
        n("MatMul", ["a", "b"], ["ab"]),
        n("Reshape", ["ab", "c"], ["a2"]),
        n("Reshape", ["ab", "r"], ["b2"]),
        n("MatMul", ["a2", "b2"], ["o"]),
        n("ReduceMax", ["o"], ["om"], keepdims=0),
        n("Add", ["x", "om"], ["y"]),
    ],
    [("c", np.array([-1, 1], i64)), ("r", np.array([1, -1], i64))],
)
cls(
    "cos_dyn",
    [
        n("Shape", ["x"], ["s"]),
        n("Mul", ["s", "s"], ["s2"]),
        n("Mul", ["s2", "s2"], ["s4"]),
        n("Mul", ["s4", "k"], ["s5"]),
        n("ConstantOfShape", ["s5"], ["big"]),
        n("ReduceMax", ["big"], ["om"], keepdims=0),
        n("Add", ["x", "om"], ["y"]),
    ],
    [("k", np.array([1, 1, 4, 4], i64))],
)
cls("range_big", [n("Range", ["a", "b", "c"], ["r"])] + red("r"), [("a", i64(0)), ("b", i64(2**28)), ("c", i64(1))])
cls(
    "gather_x",
    [n("Gather", ["x", "idx"], ["v0"], axis=2)]
    + [n("Gather", [f"v{i}", "idx"], [f"v{i+1}"], axis=i + 2) for i in range(3)]
    + [n("ReduceMax", ["v3"], ["om"], keepdims=0), n("Add", ["x", "om"], ["y"])],
    [("idx", np.zeros((64, 8), i64))],
)
cls(
    "nonzero_x",
    [n("NonZero", ["x"], ["nz"])]
    + [
        n("Concat", ["nz"] * 64, ["a"], axis=1),
        n("Concat", ["a"] * 64, ["b"], axis=1),
        n("Concat", ["b"] * 64, ["c"], axis=1),
        n("Concat", ["c"] * 8, ["q"], axis=1),
    ]
    + red("q"),
)
cls(
    "float_double_const",
    [n("Concat", ["k0", "k0"], ["k1"], axis=0)]
    + [n("Concat", [f"k{i}", f"k{i}"], [f"k{i+1}"], axis=0) for i in range(1, 32)]
    + [n("ReduceMax", ["k32"], ["om"], keepdims=0), n("Add", ["x", "om"], ["y"])],
    [("k0", np.array([1], np.float32))],
)
cls(
    "compress_double",
    [n("Cast", ["k0"], ["z0"], to=1)]
    + [
        (
            n("Einsum", [f"z{i}", f"z{i}"], [f"e{i}"], equation="i,j->ij")
            if False
            else n("Concat", [f"z{i}", f"z{i}"], [f"z{i+1}"], axis=0)
        )
        for i in range(32)
    ]
    + [n("ReduceMax", ["z32"], ["om"], keepdims=0), n("Add", ["x", "om"], ["y"])],
    [("k0", np.array([1], i64))],
)
nd, p = dbl("t", lambda a, b, i: [n("Expand", [a, "e"], [b + "e"]), n("Reshape", [b + "e", "sh"], [b])], init=1)
cls(
    "expand_const",
    nd + [n("ReduceMax", [p], ["om"], keepdims=0), n("Add", ["x", "om"], ["y"])],
    [("k0", np.ones((1, 1), np.float32)), ("e", np.array([2, 1], i64)), ("sh", np.array([1, -1], i64))],
)
# functions
F = []
for i in range(40):
    inner = (
        [n("Relu", ["a"], ["b"])]
        if i == 0
        else [n(f"F{i-1}", ["a"], ["t"], domain="l"), n(f"F{i-1}", ["t"], ["b"], domain="l")]
    )
    F.append(h.make_function("l", f"F{i}", ["a"], ["b"], inner, [h.make_opsetid("", 17), h.make_opsetid("l", 1)]))
cls("func_exp", [n("F25", ["x"], ["y"], domain="l")], functions=F[:26], opsets=[("l", 1)])
F2 = []
for i in range(26):
    inner = (
        [n("Identity", ["a"], ["b"])]
        if i == 0
        else [n(f"F{i-1}", ["a"], ["t"], domain="l"), n("Concat", ["t", "t"], ["b"], axis=2)]
    )
    F2.append(h.make_function("l", f"F{i}", ["a"], ["b"], inner, [h.make_opsetid("", 17), h.make_opsetid("l", 1)]))
cls("func_cat", [n("F25", ["x"], ["v"], domain="l")] + fin("v"), [ax, s0, s8], functions=F2, opsets=[("l", 1)])
# other attributes
cls(
    "stft0",
    [n("Reshape", ["x", "r"], ["a"]), n("STFT", ["a", "st", "", "flen"], ["q"])] + red("q"),
    [("r", np.array([1, -1, 1], i64)), ("st", i64(0)), ("flen", i64(8))],
)
cls("convrank", [n("Conv", ["x", "k"], ["y"])], [("k", np.zeros((3, 3, 1, 1, 1), np.float32))])
cls("convrank1", [n("Conv", ["x", "k"], ["y"])], [("k", np.zeros((3, 3, 1), np.float32))])
cls("s2d", [n("SpaceToDepth", ["x"], ["q"], blocksize=0)] + red("q"))
cls("gn0", [n("GroupNormalization", ["x", "g", "g"], ["y"], num_groups=0)], [("g", np.ones(3, np.float32))], opset=21)
cls(
    "maxroi",
    [n("MaxRoiPool", ["x", "roi"], ["q"], pooled_shape=[0, 0])] + red("q"),
    [("roi", np.zeros((1, 5), np.float32))],
)
cls(
    "redmean_empty",
    [
        n("Cast", ["x"], ["xi"], to=6),
        n("Slice", ["xi", "s0", "s0", "ax"], ["e"]),
        n("ReduceMean", ["e"], ["q"], axes=[2], keepdims=1),
    ]
    + red("q"),
    [ax, s0],
)
cls("lrn0", [n("LRN", ["x"], ["y"], size=0)])
cls(
    "mlp_k",
    [n("MatMulNBits", ["x", "b", "s"], ["q"], domain="com.microsoft", K=0, N=0, bits=4, block_size=0)] + red("q"),
    [("b", np.zeros((1, 1, 1), np.uint8)), ("s", np.ones(1, np.float32))],
    opsets=[("com.microsoft", 1)],
)
cls(
    "mha0",
    [
        n("Reshape", ["x", "r"], ["a"]),
        n("MultiHeadAttention", ["a", "a", "a"], ["q"], domain="com.microsoft", num_heads=0),
    ]
    + red("q"),
    [("r", np.array([0, 8, 24], i64))],
    opsets=[("com.microsoft", 1)],
)
cls(
    "deformgroup0",
    [n("DeformConv", ["x", "k", "o"], ["q"], offset_group=0)] + red("q"),
    [("k", np.ones((3, 3, 1, 1), np.float32)), ("o", np.ones((1, 2, 8, 8), np.float32))],
    opset=19,
)
cls("gridsample", [n("Resize", ["x", "", "sc"], ["q"])] + red("q"), [("sc", np.array([1, 1, 0, 0], np.float32))])
cls("resize_neg", [n("Resize", ["x", "", "", "sz"], ["q"])] + red("q"), [("sz", np.array([1, 3, -5, -5], i64))])
cls("split0", [n("Split", ["x"], ["q"], num_outputs=1, axis=1)] + red("q"), opset=18)
cls("topk_neg", [n("TopK", ["x", "k"], ["q", "i"])] + red("q"), [("k", np.array([-5], i64))])
cls(
    "onehot_neg",
    [n("Cast", ["x"], ["xi"], to=7), n("OneHot", ["xi", "d", "v"], ["q"])] + red("q"),
    [("d", i64(-1)), ("v", np.array([0, 1], np.float32))],
)
cls("reversebig", [n("ReverseSequence", ["x", "sl"], ["q"])] + red("q"), [("sl", np.array([100, 100, 100], i64))])
cls("gather_oob", [n("Gather", ["x", "i"], ["q"], axis=2)] + red("q"), [("i", np.array([10**9], i64))])
cls(
    "scatter_oob",
    [n("ScatterND", ["x", "i", "u"], ["q"])] + red("q"),
    [("i", np.array([[10**9]], i64)), ("u", np.ones((1, 3, 8, 8), np.float32))],
)
cls(
    "roialign",
    [n("RoiAlign", ["x", "roi", "bi"], ["q"], output_height=0, output_width=0)] + red("q"),
    [("roi", np.zeros((1, 4), np.float32)), ("bi", np.array([7], i64))],
)
cls(
    "roialign_oob",
    [n("RoiAlign", ["x", "roi", "bi"], ["q"], output_height=2, output_width=2)] + red("q"),
    [("roi", np.ones((1, 4), np.float32) * 4), ("bi", np.array([10**8], i64))],
)
cls(
    "roialign_huge",
    [n("RoiAlign", ["x", "roi", "bi"], ["q"], output_height=2, output_width=2)] + red("q"),
    [("roi", np.array([[0, 0, 1e6, 1e6]], np.float32)), ("bi", np.array([0], i64))],
)
cls(
    "maxunpool_oob",
    [
        n("Cast", ["x"], ["xi"], to=7),
        n("Add", ["xi", "big"], ["ii"]),
        n("MaxUnpool", ["x", "ii"], ["q"], kernel_shape=[2, 2], strides=[2, 2]),
    ]
    + red("q"),
    [("big", i64(10**9))],
)
cls(
    "embed",
    [n("Col2Im", ["xr", "is", "bs"], ["q"])] + red("q"),
    [("xr", np.ones((1, 5, 5), np.float32)), ("is", np.array([5, 5], i64)), ("bs", np.array([0, 0], i64))],
    opset=18,
)
cls("cumsum_axis", [n("CumSum", ["x", "a"], ["q"])] + red("q"), [("a", i64(99))])
cls(
    "lstm_big",
    [n("Reshape", ["x", "r"], ["a"]), n("LSTM", ["a", "w", "rr"], ["q"], hidden_size=1048576)] + red("q"),
    [
        ("r", np.array([1, -1, 192], i64)),
        ("w", np.zeros((1, 4, 192), np.float32)),
        ("rr", np.zeros((1, 4, 1), np.float32)),
    ],
)
cls("eyelike", [n("EyeLike", ["c"], ["q"], k=2**62)] + red("q"), [("c", np.zeros((3, 3), np.float32))])
cls("trilu", [n("Trilu", ["x", "k"], ["q"])] + red("q"), [("k", i64(-(2**63)))])
cls(
    "slice_min",
    [n("Slice", ["x", "a", "b", "ax", "st"], ["q"])] + red("q"),
    [("a", np.array([-(2**63)], i64)), ("b", np.array([2**63 - 1], i64)), ax, ("st", np.array([-(2**63)], i64))],
)
cls(
    "einsum_big",
    [n("Reshape", ["x", "r"], ["a"]), n("Einsum", ["a", "a", "a", "a"], ["q"], equation="i,j,k,l->ijkl")] + red("q"),
    [("r", np.array([-1], i64))],
)
cls(
    "dft_big",
    [n("Reshape", ["x", "r"], ["a"]), n("DFT", ["a", "dl"], ["q"])] + red("q"),
    [("r", np.array([1, -1, 1], i64)), ("dl", i64(2**40))],
    opset=17,
)
cls("hann", [n("HannWindow", ["sz"], ["q"])] + red("q"), [("sz", i64(2**40))])
cls(
    "bitshift",
    [n("BitShift", ["a", "b"], ["q"], direction="LEFT")] + red("q"),
    [("a", np.array([1], np.uint64)), ("b", np.array([200], np.uint64))],
)
cls(
    "modmin_data",
    [
        n("Cast", ["x"], ["xi"], to=7),
        n("Sub", ["xi", "xi"], ["z"]),
        n("Add", ["z", "mn"], ["a"]),
        n("Sub", ["z", "one"], ["b"]),
        n("Mod", ["a", "b"], ["q"]),
    ]
    + red("q"),
    [("mn", i64(-(2**63))), ("one", i64(1))],
)
cls(
    "divmin32_data",
    [
        n("Cast", ["x"], ["xi"], to=6),
        n("Sub", ["xi", "xi"], ["z"]),
        n("Add", ["z", "mn"], ["a"]),
        n("Sub", ["z", "one"], ["b"]),
        n("Div", ["a", "b"], ["q"]),
    ]
    + red("q"),
    [("mn", np.int32(-(2**31))), ("one", np.int32(1))],
)
cls(
    "divmin_constdivisor",
    [
        n("Cast", ["x"], ["xi"], to=7),
        n("Sub", ["xi", "xi"], ["z"]),
        n("Add", ["z", "mn"], ["a"]),
        n("Div", ["a", "m1"], ["q"]),
    ]
    + red("q"),
    [("mn", i64(-(2**63))), ("m1", i64(-1))],
)
cls("convt_rank", [n("ConvTranspose", ["x", "k"], ["y"])], [("k", np.zeros((3, 3, 1, 1, 1), np.float32))])
cls("convt_rank1", [n("ConvTranspose", ["x", "k"], ["y"])], [("k", np.zeros((3, 3, 1), np.float32))])
cls(
    "conv_kernel_attr", [n("Conv", ["x", "k"], ["y"], kernel_shape=[3, 3])], [("k", np.zeros((3, 3, 1, 1), np.float32))]
)
cls(
    "conv_kernel_long",
    [n("Conv", ["x", "k"], ["y"], kernel_shape=[1, 1, 1, 1])],
    [("k", np.zeros((3, 3, 1, 1), np.float32))],
)
cls("conv_strides_short", [n("Conv", ["x", "k"], ["y"], strides=[1])], [("k", np.zeros((3, 3, 1, 1), np.float32))])
cls("conv_pads_short", [n("Conv", ["x", "k"], ["y"], pads=[1])], [("k", np.zeros((3, 3, 1, 1), np.float32))])
cls("conv_dil_short", [n("Conv", ["x", "k"], ["y"], dilations=[1])], [("k", np.zeros((3, 3, 1, 1), np.float32))])
cls(
    "conv_bias_short",
    [n("Conv", ["x", "k", "b"], ["y"])],
    [("k", np.zeros((3, 3, 1, 1), np.float32)), ("b", np.zeros((1,), np.float32))],
)
cls(
    "conv_bias_rank",
    [n("Conv", ["x", "k", "b"], ["y"])],
    [("k", np.zeros((3, 3, 1, 1), np.float32)), ("b", np.zeros((), np.float32))],
)
cls("conv_group_odd", [n("Conv", ["x", "k"], ["y"], group=2)], [("k", np.zeros((3, 1, 1, 1), np.float32))])
cls("convt_group_odd", [n("ConvTranspose", ["x", "k"], ["y"], group=2)], [("k", np.zeros((3, 1, 1, 1), np.float32))])
cls(
    "convt_outshape",
    [n("ConvTranspose", ["x", "k"], ["y"], output_shape=[1])],
    [("k", np.zeros((3, 3, 1, 1), np.float32))],
)
cls(
    "convt_outpad",
    [n("ConvTranspose", ["x", "k"], ["q"], output_padding=[1000000, 1000000])] + red("q"),
    [("k", np.zeros((3, 3, 1, 1), np.float32))],
)
cls("pool_rank", [n("MaxPool", ["x"], ["y"], kernel_shape=[1])])
cls("pool_rank3", [n("MaxPool", ["x"], ["y"], kernel_shape=[1, 1, 1])])
cls("apool_rank3", [n("AveragePool", ["x"], ["y"], kernel_shape=[1, 1, 1])])
cls("lppool", [n("LpPool", ["x"], ["y"], kernel_shape=[1, 1], p=0)])
cls("pool_strides", [n("MaxPool", ["x"], ["y"], kernel_shape=[1, 1], strides=[1])])
cls("pool_pads", [n("MaxPool", ["x"], ["y"], kernel_shape=[1, 1], pads=[5, 5, 5, 5])])
cls(
    "pool_padsbig",
    [n("AveragePool", ["x"], ["q"], kernel_shape=[1, 1], pads=[1000000] * 4, count_include_pad=1)] + red("q"),
)
cls("inorm", [n("InstanceNormalization", ["x", "s", "s"], ["y"])], [("s", np.zeros(1, np.float32))])
cls("bnorm", [n("BatchNormalization", ["x", "s", "s", "s", "s"], ["y"])], [("s", np.zeros(1, np.float32))])
cls("lnorm", [n("LayerNormalization", ["x", "s"], ["y"])], [("s", np.zeros(1, np.float32))])
cls("lnorm_axis", [n("LayerNormalization", ["x", "s"], ["y"], axis=99)], [("s", np.zeros(8, np.float32))])
cls("softmax_axis", [n("Softmax", ["x"], ["y"], axis=99)])
for op, g in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
    for k, (w, r, hs) in {
        "r": ((1, g, 192), (1, g, 1), 64),
        "w": ((1, g * 64, 1), (1, g * 64, 64), 64),
        "dirs": ((1, g * 4, 192), (1, g * 4, 4), 4),
    }.items():
        kw = dict(hidden_size=hs)
        if k == "dirs":
            kw["direction"] = "bidirectional"
        cls(
            f"{op.lower()}_{k}",
            [n("Reshape", ["x", "rs"], ["a"]), n(op, ["a", "w", "r"], ["q"], **kw)] + red("q"),
            [("rs", np.array([1, -1, 192], i64)), ("w", np.zeros(w, np.float32)), ("r", np.zeros(r, np.float32))],
        )
cls("prelu", [n("PRelu", ["x", "s"], ["y"])], [("s", np.zeros((3, 1, 7), np.float32))])
cls(
    "gemm",
    [n("Flatten", ["x"], ["f"]), n("Gemm", ["f", "w", "c"], ["q"])] + red("q"),
    [("w", np.zeros((192, 4), np.float32)), ("c", np.zeros((7, 7), np.float32))],
)
cls(
    "attn",
    [n("Reshape", ["x", "r"], ["a"]), n("Attention", ["a", "w", "b"], ["q"], domain="com.microsoft", num_heads=5)]
    + red("q"),
    [("r", np.array([0, 8, 24], i64)), ("w", np.zeros((24, 72), np.float32)), ("b", np.zeros(7, np.float32))],
    opsets=[("com.microsoft", 1)],
)
cls(
    "attn_qkv",
    [
        n("Reshape", ["x", "r"], ["a"]),
        n("Attention", ["a", "w", "b"], ["q"], domain="com.microsoft", num_heads=4, qkv_hidden_sizes=[0, -8, 10**9]),
    ]
    + red("q"),
    [("r", np.array([0, 8, 24], i64)), ("w", np.zeros((24, 72), np.float32)), ("b", np.zeros(72, np.float32))],
    opsets=[("com.microsoft", 1)],
)
cls(
    "skipln",
    [n("Reshape", ["x", "r"], ["a"]), n("SkipLayerNormalization", ["a", "a", "s"], ["q"], domain="com.microsoft")]
    + red("q"),
    [("r", np.array([0, 8, 24], i64)), ("s", np.zeros(1, np.float32))],
    opsets=[("com.microsoft", 1)],
)
cls(
    "mha_shape",
    [
        n("Reshape", ["x", "r"], ["a"]),
        n("MultiHeadAttention", ["a", "b", "b"], ["q"], domain="com.microsoft", num_heads=7),
    ]
    + red("q"),
    [("r", np.array([0, 8, 24], i64)), ("b", np.zeros((1, 1, 3), np.float32))],
    opsets=[("com.microsoft", 1)],
)
cls(
    "dequant_axis",
    [n("Cast", ["x"], ["xi"], to=2), n("DequantizeLinear", ["xi", "s"], ["q"], axis=77)] + red("q"),
    [("s", np.zeros(3, np.float32))],
)
cls(
    "qlinearconv",
    [n("QuantizeLinear", ["x", "s", "z"], ["xq"]), n("QLinearConv", ["xq", "s", "z", "w", "s", "z", "s", "z"], ["q"])]
    + red("q"),
    [("s", np.float32(1)), ("z", np.uint8(0)), ("w", np.zeros((3, 3, 1, 1, 1), np.uint8))],
)
cls(
    "convinteger",
    [n("QuantizeLinear", ["x", "s", "z"], ["xq"]), n("ConvInteger", ["xq", "w"], ["q"])] + red("q"),
    [("s", np.float32(1)), ("z", np.uint8(0)), ("w", np.zeros((3, 3, 1, 1, 1), np.uint8))],
)
cls(
    "fusedconv",
    [n("FusedConv", ["x", "k"], ["y"], domain="com.microsoft", activation="Relu")],
    [("k", np.zeros((3, 3, 1, 1, 1), np.float32))],
    opsets=[("com.microsoft", 1)],
)
cls(
    "nhwcmaxpool",
    [
        n("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        n("NhwcMaxPool", ["xq"], ["q"], domain="com.microsoft", kernel_shape=[1, 1, 1]),
    ]
    + red("q"),
    [("s", np.float32(1)), ("z", np.uint8(0))],
    opsets=[("com.microsoft", 1)],
)
cls("eye_k", [n("EyeLike", ["c"], ["q"], k=-(2**63))] + red("q"), [("c", np.zeros((3, 3), np.float32))])
cls("trilu_pos", [n("Trilu", ["x", "k"], ["q"])] + red("q"), [("k", i64(2**63 - 1))])
cls(
    "trilu_dyn",
    [
        n("Cast", ["x"], ["xi"], to=7),
        n("ReduceMax", ["xi"], ["m"], keepdims=0),
        n("Sub", ["m", "m"], ["z"]),
        n("Add", ["z", "mn"], ["k"]),
        n("Trilu", ["x", "k"], ["q"]),
    ]
    + red("q"),
    [("mn", i64(-(2**63)))],
)
cls("dts", [n("DepthToSpace", ["x"], ["q"], blocksize=2**31)] + red("q"))
cls("upsample", [n("Upsample", ["x", "s"], ["q"])] + red("q"), [("s", np.array([1, 1, -1, -1], np.float32))], opset=9)
cls(
    "nms",
    [n("NonMaxSuppression", ["b", "s", "m"], ["q"])] + red("q"),
    [("b", np.zeros((1, 6, 4), np.float32)), ("s", np.zeros((1, 1, 3), np.float32)), ("m", i64(2**62))],
)
cls("gathernd", [n("GatherND", ["x", "i"], ["q"], batch_dims=77)] + red("q"), [("i", np.zeros((1, 1), i64))])
cls(
    "affine",
    [n("AffineGrid", ["t", "s"], ["q"])] + red("q"),
    [("t", np.zeros((1, 2, 3), np.float32)), ("s", np.array([1, 3, -5, 7], i64))],
    opset=20,
)
cls("seqat", [n("SequenceConstruct", ["x"], ["s"]), n("SequenceAt", ["s", "i"], ["y"])], [("i", i64(2**40))])
cls(
    "splitseq",
    [n("SplitToSequence", ["x", "i"], ["s"]), n("SequenceAt", ["s", "z"], ["y"])],
    [("i", i64(0)), ("z", i64(0))],
)
cls(
    "scan_len",
    [
        n(
            "Scan",
            ["x"],
            ["q"],
            num_scan_inputs=1,
            scan_input_axes=[77],
            body=h.make_graph(
                [n("Relu", ["a"], ["b"])],
                "s",
                [h.make_tensor_value_info("a", 1, None)],
                [h.make_tensor_value_info("b", 1, None)],
            ),
        )
    ]
    + red("q"),
)
cls(
    "tfidf",
    [
        n("Cast", ["x"], ["xi"], to=6),
        n("Reshape", ["xi", "r"], ["a"]),
        n(
            "TfIdfVectorizer",
            ["a"],
            ["q"],
            mode="TF",
            min_gram_length=1,
            max_gram_length=1,
            max_skip_count=0,
            ngram_counts=[0],
            ngram_indexes=[2**40],
            pool_int64s=[1],
        ),
    ]
    + red("q"),
    [("r", np.array([-1], i64))],
)
cls(
    "labelenc",
    [
        n("Cast", ["x"], ["xi"], to=7),
        n("LabelEncoder", ["xi"], ["q"], domain="ai.onnx.ml", keys_int64s=[1], values_floats=[1.0, 2.0]),
    ]
    + red("q"),
    opsets=[("ai.onnx.ml", 2)],
)
cls(
    "treeens",
    [
        n("Flatten", ["x"], ["f"]),
        n(
            "TreeEnsembleRegressor",
            ["f"],
            ["q"],
            domain="ai.onnx.ml",
            n_targets=1,
            nodes_featureids=[10**6, 0, 0],
            nodes_falsenodeids=[2, 0, 0],
            nodes_truenodeids=[1, 0, 0],
            nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
            nodes_nodeids=[0, 1, 2],
            nodes_treeids=[0, 0, 0],
            nodes_values=[0.0, 0, 0],
            target_ids=[0, 0],
            target_nodeids=[1, 2],
            target_treeids=[0, 0],
            target_weights=[1.0, 2.0],
        ),
    ]
    + red("q"),
    opsets=[("ai.onnx.ml", 1)],
)
cls(
    "treeloop",
    [
        n("Flatten", ["x"], ["f"]),
        n(
            "TreeEnsembleRegressor",
            ["f"],
            ["q"],
            domain="ai.onnx.ml",
            n_targets=1,
            nodes_featureids=[0, 0, 0],
            nodes_falsenodeids=[0, 0, 0],
            nodes_truenodeids=[0, 0, 0],
            nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
            nodes_nodeids=[0, 1, 2],
            nodes_treeids=[0, 0, 0],
            nodes_values=[0.0, 0, 0],
            target_ids=[0, 0],
            target_nodeids=[1, 2],
            target_treeids=[0, 0],
            target_weights=[1.0, 2.0],
        ),
    ]
    + red("q"),
    opsets=[("ai.onnx.ml", 1)],
)
cls(
    "linreg",
    [
        n("Flatten", ["x"], ["f"]),
        n("LinearRegressor", ["f"], ["q"], domain="ai.onnx.ml", coefficients=[1.0], targets=100),
    ]
    + red("q"),
    opsets=[("ai.onnx.ml", 1)],
)
cls(
    "scaler",
    [n("Flatten", ["x"], ["f"]), n("Scaler", ["f"], ["q"], domain="ai.onnx.ml", offset=[1.0, 2.0], scale=[1.0])]
    + red("q"),
    opsets=[("ai.onnx.ml", 1)],
)
cls(
    "svm",
    [
        n("Flatten", ["x"], ["f"]),
        n(
            "SVMRegressor",
            ["f"],
            ["q"],
            domain="ai.onnx.ml",
            coefficients=[1.0],
            n_supports=10**6,
            support_vectors=[1.0],
            rho=[0.0],
            kernel_type="LINEAR",
            kernel_params=[0.0, 0, 0],
        ),
    ]
    + red("q"),
    opsets=[("ai.onnx.ml", 1)],
)
out.close()
