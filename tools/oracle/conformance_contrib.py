"""Cases of the operators of ONNX Runtime's own that its optimizers, and exporters of transformers, write; for
conformance.py.

Inputs are random; the expected results are those of onnxruntime itself, which defines these operators.
"""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper

DOMAIN = "com.microsoft"
KINDS = {np.dtype(np.float32): T.FLOAT, np.dtype(np.int32): T.INT32, np.dtype(np.int64): T.INT64}


class Draw:
    """Random arrays."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def __call__(self, *shape, low=-1.0, high=1.0):
        return self.rng.uniform(low, high, shape).astype(np.float32)


def ints(*values, dtype=np.int32):
    return np.array(values, dtype)


def nodes(x):
    """Name, operator, inputs (None: absent), number of outputs and attributes of each case."""
    yield "gelu", "Gelu", [x(3, 4)], 1, {}
    yield "fast_gelu", "FastGelu", [x(3, 4)], 1, {}
    yield "fast_gelu_bias", "FastGelu", [x(2, 3, 4), x(4)], 1, {}
    yield "quick_gelu", "QuickGelu", [x(3, 4)], 1, {}
    yield "quick_gelu_alpha", "QuickGelu", [x(3, 4)], 1, {"alpha": 0.7}
    yield "bias_gelu", "BiasGelu", [x(2, 3, 4), x(4)], 1, {}
    yield "trilu", "Trilu", [x(2, 3, 4)], 1, {"upper": 0}

    yield "fused_matmul", "FusedMatMul", [x(2, 3, 4), x(2, 4, 5)], 1, {"alpha": 0.5}
    yield "fused_matmul_trans_a", "FusedMatMul", [x(2, 4, 3), x(2, 4, 5)], 1, {"transA": 1}
    yield "fused_matmul_trans_b", "FusedMatMul", [x(2, 3, 4), x(5, 4)], 1, {"transB": 1, "alpha": 2.0}
    yield "fused_matmul_trans_batch", "FusedMatMul", [x(3, 2, 4), x(4, 2, 5)], 1, {"transBatchA": 1, "transBatchB": 1}
    yield "fused_matmul_trans_batch_a", "FusedMatMul", [x(4, 2, 3), x(2, 4, 5)], 1, {"transA": 1, "transBatchA": 1}
    yield "transpose_matmul", "TransposeMatMul", [x(2, 4, 3), x(2, 5, 4)], 1, {"transA": 1, "transB": 1, "alpha": 0.5}
    for activation, more in (("Relu", {}), ("LeakyRelu", {"activation_alpha": 0.3}), ("Tanh", {}), ("Sigmoid", {}),
                             ("Softplus", {}), ("Elu", {"activation_alpha": 0.7}), ("Softsign", {}),
                             ("ThresholdedRelu", {"activation_alpha": 0.2}),
                             ("HardSigmoid", {"activation_alpha": 0.3, "activation_beta": 0.4})):
        yield "fused_gemm_" + activation.lower(), "FusedGemm", [x(3, 4), x(5, 4), x(5)], 1, \
            {"transB": 1, "alpha": 1.5, "beta": 0.5, "activation": activation} | more
    padded = {"activation": "Relu", "pads": [1, 1, 1, 1]}
    yield "fused_conv", "FusedConv", [x(2, 3, 5, 6), x(4, 3, 3, 3), x(4)], 1, padded
    yield "fused_conv_sum", "FusedConv", [x(2, 3, 5, 6), x(4, 3, 3, 3), x(4), x(2, 4, 3, 4)], 1, {"activation": "Relu"}
    yield "fused_conv_clip", "FusedConv", [x(2, 4, 5, 6), x(6, 2, 2, 3)], 1, \
        {"activation": "Clip", "activation_params": [-0.5, 0.5], "group": 2, "strides": [2, 1]}
    yield "fused_conv_leaky_relu", "FusedConv", [x(2, 3, 8), x(4, 3, 3), x(4)], 1, \
        {"activation": "LeakyRelu", "activation_params": [0.3], "dilations": [2]}
    yield "fused_conv_hard_sigmoid", "FusedConv", [x(2, 3, 8), x(4, 3, 3), x(4)], 1, \
        {"activation": "HardSigmoid", "activation_params": [0.3, 0.4], "auto_pad": "SAME_UPPER", "strides": [2]}

    yield "simplified_layer_normalization", "SimplifiedLayerNormalization", [x(2, 3, 4), x(4)], 1, {"epsilon": 1e-2}
    yield "simplified_layer_normalization_axis", "SimplifiedLayerNormalization", [x(2, 3, 4), x(3, 4)], 1, {"axis": 1}
    inputs = [x(2, 3, 4), x(2, 3, 4), x(4), x(4), x(4)]
    yield "skip_layer_normalization", "SkipLayerNormalization", inputs, 1, {"epsilon": 1e-2}
    yield "skip_layer_normalization_sum", "SkipLayerNormalization", [x(2, 3, 4), x(2, 3, 4), x(4)], 4, {}
    yield "skip_layer_normalization_broadcast", "SkipLayerNormalization", [x(2, 3, 4), x(3, 4), x(4), x(4)], 1, {}
    simplified = "SkipSimplifiedLayerNormalization"
    yield "skip_simplified_layer_normalization", simplified, [x(2, 3, 4), x(2, 3, 4), x(4)], 4, {"epsilon": 1e-2}
    yield "skip_simplified_layer_normalization_bias", simplified, [x(2, 3, 4), x(2, 3, 4), x(4), x(4)], 1, {}
    words, segments = ints(3, 0, 2, 3, 1, 1).reshape(2, 3), ints(0, 1, 1, 0, 0, 1).reshape(2, 3)
    tables = [x(5, 4), x(6, 4), x(2, 4), x(4), x(4)]
    yield "embed_layer_normalization", "EmbedLayerNormalization", [words, segments, *tables], 2, {"epsilon": 1e-2}
    yield "embed_layer_normalization_sum", "EmbedLayerNormalization", \
        [words, None, tables[0], tables[1], None, tables[3], tables[4], None, ints(2, 0, 1).reshape(1, 3)], 3, {}

    q, k, v, bias = x(2, 3, 8), x(2, 4, 8), x(2, 4, 8), x(24)
    heads = {"num_heads": 2}
    mha = "MultiHeadAttention"
    yield "multi_head_attention", mha, [q, k, v], 1, heads
    yield "multi_head_attention_scale", mha, [q, k, v], 1, heads | {"scale": 0.3}
    yield "multi_head_attention_bias", mha, [q, k, v, bias], 1, heads
    yield "multi_head_attention_values", mha, [q, k, x(2, 4, 6), x(22)], 1, heads
    yield "multi_head_attention_heads", mha, [q, x(2, 2, 4, 4), x(2, 2, 4, 4)], 1, heads
    yield "multi_head_attention_attention_bias", mha, [q, k, v, None, None, x(1, 2, 3, 4)], 1, heads
    yield "multi_head_attention_lengths", mha, [q, k, v, bias, ints(4, 2)], 1, heads
    yield "multi_head_attention_mask", mha, [q, k, v, None, ints(1, 1, 0, 1, 0, 1, 1, 1).reshape(2, 4)], 1, heads
    yield "multi_head_attention_causal", mha, [q, x(2, 3, 8), x(2, 3, 8)], 1, heads | {"unidirectional": 1}
    yield "multi_head_attention_past", mha, [q, x(2, 3, 8), x(2, 3, 8), None, None, x(2, 2, 3, 5), x(2, 2, 2, 4),
                                             x(2, 2, 2, 4)], 3, heads

    attention = [x(2, 3, 5), x(5, 24), x(24)]
    yield "attention", "Attention", attention, 1, heads
    yield "attention_scale", "Attention", attention, 1, heads | {"scale": 0.3}
    yield "attention_causal", "Attention", attention, 1, heads | {"unidirectional": 1}
    yield "attention_lengths", "Attention", [*attention, ints(3, 2)], 1, heads
    yield "attention_mask", "Attention", [*attention, ints(1, 1, 0, 0, 1, 1).reshape(2, 3)], 1, heads
    yield "attention_mask_3d", "Attention", [*attention, ints(*[1, 0, 1, 1, 1, 0] * 3).reshape(2, 3, 3)], 1, heads
    yield "attention_ends_and_starts", "Attention", [*attention, ints(3, 2, 1, 0)], 1, heads
    yield "attention_attention_bias", "Attention", [*attention, None, None, x(2, 2, 3, 3)], 1, heads
    yield "attention_past", "Attention", [*attention, None, x(2, 2, 2, 2, 4)], 2, heads
    yield "attention_values", "Attention", [x(2, 3, 5), x(5, 22), x(22)], 1, heads | {"qkv_hidden_sizes": [8, 8, 6]}
    angles, at = x(6, 2, high=3.0), ints(1, 2, 3, 0, 1, 2, dtype=np.int64).reshape(2, 3)
    cos, sin = np.cos(angles), np.sin(angles)
    rope = "RotaryEmbedding"
    yield "rotary_embedding", rope, [x(2, 2, 3, 4), at, cos, sin], 1, {}
    yield "rotary_embedding_interleaved", rope, [x(2, 2, 3, 4), at, cos, sin], 1, {"interleaved": 1}
    yield "rotary_embedding_offset", rope, [x(2, 3, 8), ints(2, dtype=np.int64), cos, sin], 1, {}
    yield "rotary_embedding_partial", rope, [x(2, 3, 12), at, cos, sin], 1, {"num_heads": 2, "rotary_embedding_dim": 4}

    yield "inverse", "Inverse", [x(2, 3, 3) + 2 * np.eye(3, dtype=np.float32)], 1, {}
    yield "cdist", "CDist", [x(3, 4), x(5, 4)], 1, {"metric": "sqeuclidean"}
    yield "cdist_euclidean", "CDist", [x(3, 4), x(5, 4)], 1, {"metric": "euclidean"}


def cases():
    """Name, operator, model, inputs, results and tolerance, as conformance.py's sources give them."""
    for name, op, inputs, count, attributes in nodes(Draw(7)):
        # ONNX Runtime adds SimplifiedLayerNormalization to the standard domain.
        domain = "" if op == "SimplifiedLayerNormalization" else DOMAIN
        names = ["" if a is None else f"x{i}" for i, a in enumerate(inputs)]
        inputs = [a for a in inputs if a is not None]
        outputs = [f"y{i}" for i in range(count)]
        if op.startswith("Skip") and count == 4:
            outputs[1:3] = "", ""  # mean and deviation, which no kernel gives
        node = helper.make_node(op, names, outputs, domain=domain, **attributes)
        declared = [helper.make_tensor_value_info(n, KINDS[a.dtype], a.shape)
                    for n, a in zip(filter(None, names), inputs)]
        results = [helper.make_empty_tensor_value_info(y) for y in outputs if y]
        graph = helper.make_graph([node], name, declared, results)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(DOMAIN, 1)],
                                  ir_version=9)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        values = session.run(None, dict(zip(filter(None, names), inputs)))
        del model.graph.output[:]
        model.graph.output.extend(helper.make_tensor_value_info(y, KINDS[v.dtype], v.shape)
                                  for y, v in zip(filter(None, outputs), values))
        yield name, (domain and domain + ".") + op, model, inputs, values, 1e-3
