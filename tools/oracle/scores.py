"""Writes inference/testdata/scores: small classifiers that end in every way that exporters write, with the probabilities
that Python's onnxruntime computes of three images. A file that is a sigmoid's has none.

    pip install numpy pillow onnx onnxruntime onnxscript torch tensorflow-cpu tf2onnx scikit-learn skl2onnx \
        onnxconverter-common
    python tools/oracle/scores.py

Whether an output is logits is known here by how the model is made, not by what its graph looks like.
"""

import io
import json
import os
import pathlib
import warnings

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

OUT = pathlib.Path(__file__).parents[2] / "inference/testdata/scores"
SIZE, CLASSES = 8, 4
rng = np.random.default_rng(14)
PROBABILITIES, LOGITS, SIGMOIDS = "probabilities", "logits", "sigmoids"
HIDDEN = "hidden"  # probabilities, behind what may as well be a layer
golden = {}


def images():
    """Three images with unequal channels, as pixels in [0,1]: [3,3,S,S]."""
    out = []
    for i in range(3):
        level = rng.integers(0, 256, 3)
        pixels = np.clip(level + rng.integers(-40, 40, (SIZE, SIZE, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(OUT / f"{i}.png")
        out.append((pixels.astype(np.float32) / np.float32(255)).transpose(2, 0, 1))
    return np.stack(out)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def add(name, model, kind):
    """Writes a model and what onnxruntime computes with it. Dictionaries of ZipMap become rows in their order."""
    path = OUT / f"{name}.onnx"
    onnx.save(model, path)
    compute(name, path, kind, X)


def compute(name, path, kind, X):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    fixed = session.get_inputs()[0].shape[0]
    batches = [X[i : i + 1] for i in range(len(X))] if fixed == 1 else [X]
    rows = []
    for x in batches:
        got = session.run(None, {session.get_inputs()[0].name: x})[-1]
        if isinstance(got, list):
            got = np.array([list(row.values()) for row in got])
        rows.append(np.asarray(got, dtype=np.float64).reshape(len(x), -1))
    rows = np.concatenate(rows)
    if kind == PROBABILITIES:
        assert (rows > -0.01).all() and (abs(rows.sum(axis=1) - 1) < 0.3).all(), (name, rows)
    if kind == LOGITS:
        rows = softmax(rows)
    golden[name] = {"kind": kind, "rows": None if kind == SIGMOIDS else rows.tolist()}


# ---------------------------------------------------------------- PyTorch


def from_torch():
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.manual_seed(14)

    class Classifier(nn.Module):
        def __init__(self, end, classes=CLASSES, heads=1, conv=False):
            super().__init__()
            self.body = nn.Conv2d(3, 6, 3, padding=1)
            self.heads = nn.ModuleList(
                nn.Conv2d(6, classes, 1) if conv else nn.Linear(6, classes) for _ in range(heads)
            )
            for p in self.parameters():
                nn.init.normal_(p, std=0.7)
            self.end, self.conv = end, conv

        def forward(self, x):
            f = F.relu(self.body(x))
            if not self.conv:
                f = f.mean((2, 3))
            return self.end(*[h(f) for h in self.heads])

    merge = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0.3, 0.7], [0, 0, 1]])
    cuts = torch.tensor([1.5, 0.5, -1.0])

    def ordinal(z):
        s = torch.sigmoid(z + cuts)
        return torch.cat([1 - s[:, :1], s[:, :1] - s[:, 1:2], s[:, 1:2] - s[:, 2:], s[:, 2:]], 1)

    def tree(a, b):
        ill = torch.sigmoid(a[:, :1])
        return torch.cat([1 - ill, ill * b.softmax(1)], 1)

    def manual(z):
        e = torch.exp(z - z.max(1, keepdim=True).values)
        return e / e.sum(1, keepdim=True)

    def plain(z):
        e = torch.exp(z)
        return e / e.sum(1, keepdim=True)

    soft = lambda z: z.softmax(1)
    both = lambda p: torch.cat([1 - p, p], 1)
    ends = {  # name: function, kind, options of Classifier
        "softmax": (soft, PROBABILITIES, {}),
        "softmax_half": (lambda z: soft(z.half()).float(), PROBABILITIES, {}),
        "softmax_double": (lambda z: soft(z.double()).float(), PROBABILITIES, {}),
        "softmax_to_double": (lambda z: soft(z).double(), PROBABILITIES, {}),
        "softmax_to_half": (lambda z: soft(z).half(), PROBABILITIES, {}),
        "softmax_clamp": (lambda z: soft(z).clamp(0, 1), PROBABILITIES, {}),
        "softmax_clamp_wide": (lambda z: soft(z).clamp(1e-7, 2), PROBABILITIES, {}),
        "softmax_clamp_max": (lambda z: soft(z).clamp(max=1), PROBABILITIES, {}),
        "softmax_times_one": (lambda z: soft(z) * 1.0 + 0.0, PROBABILITIES, {}),
        "softmax_reshape": (lambda z: soft(z).reshape(-1, 2, 2).flatten(1), PROBABILITIES, {}),
        "softmax_unsqueeze": (lambda z: soft(z)[:, None].squeeze(1), PROBABILITIES, {}),
        "softmax_transposes": (lambda z: soft(z).t().contiguous().t(), PROBABILITIES, {}),
        "softmax_of_transposed": (lambda z: z.t().softmax(0).t(), PROBABILITIES, {}),
        "softmax_dropout": (lambda z: F.dropout(soft(z), 0.5, False), PROBABILITIES, {}),
        "softmax_reordered": (lambda z: soft(z)[:, [2, 0, 3, 1]], PROBABILITIES, {}),
        "softmax_merged": (lambda z: soft(z) @ merge, PROBABILITIES, {}),
        "softmax_slice_sum": (lambda z: both(soft(z)[:, 1:].sum(1, keepdim=True)), PROBABILITIES, {}),
        "softmax_smoothed": (lambda z: 0.9 * soft(z) + 0.1 / CLASSES, PROBABILITIES, {}),
        "softmax_temperature": (lambda z: soft(z / 3), PROBABILITIES, {}),
        "softmax_squared": (lambda z: soft(z) ** 2 / (soft(z) ** 2).sum(1, keepdim=True), PROBABILITIES, {}),
        "softmax_masked": (lambda z: torch.where(soft(z) > 0, soft(z), torch.zeros_like(z)), PROBABILITIES, {}),
        "manual": (manual, PROBABILITIES, {}),
        "manual_plain": (plain, PROBABILITIES, {}),
        "manual_logsumexp": (lambda z: torch.exp(z - z.logsumexp(1, keepdim=True)), PROBABILITIES, {}),
        "log_softmax_exp": (lambda z: z.log_softmax(1).exp(), PROBABILITIES, {}),
        "mean_of_three": (lambda a, b, c: (soft(a) + soft(b) + soft(c)) / 3, PROBABILITIES, {"heads": 3}),
        "stack_mean": (lambda a, b: torch.stack([soft(a), soft(b)]).mean(0), PROBABILITIES, {"heads": 2}),
        "convex": (lambda a, b: 0.3 * soft(a) + 0.7 * soft(b), PROBABILITIES, {"heads": 2}),
        "geometric_mean": (lambda a, b: soft((soft(a).log() + soft(b).log()) / 2), PROBABILITIES, {"heads": 2}),
        "complement": (lambda z: both(torch.sigmoid(z)), PROBABILITIES, {"classes": 1}),
        "complement_stack": (
            lambda z: torch.stack([1 - torch.sigmoid(z[:, 0]), torch.sigmoid(z[:, 0])], -1),
            PROBABILITIES,
            {"classes": 1},
        ),
        "ordinal": (ordinal, PROBABILITIES, {"classes": 1}),
        "hierarchy": (tree, PROBABILITIES, {"heads": 2}),
        "sigmoids_normalised": (lambda z: F.normalize(torch.sigmoid(z), p=1), PROBABILITIES, {}),
        "conv_softmax": (lambda z: z.mean((2, 3), keepdim=True).softmax(1).flatten(1), PROBABILITIES, {"conv": True}),
        "conv_softmax_rank4": (lambda z: z.mean((2, 3), keepdim=True).softmax(1), PROBABILITIES, {"conv": True}),
        "conv_mean_of_softmax": (lambda z: z.softmax(1).mean((2, 3)), PROBABILITIES, {"conv": True}),
        "opaque": (lambda z: F.conv2d(soft(z)[..., None, None], torch.eye(4)[..., None, None]).flatten(1), HIDDEN, {}),
        "logits": (lambda z: z, LOGITS, {}),
        "logits_half": (lambda z: z.half().float(), LOGITS, {}),
        "logits_clamp": (lambda z: z.clamp(-30, 30), LOGITS, {}),
        "logits_relu": (F.relu, LOGITS, {}),
        "logits_tanh": (lambda z: 5 * torch.tanh(z), LOGITS, {}),
        "logits_reshape": (lambda z: z.reshape(-1, 2, 2).flatten(1), LOGITS, {}),
        "logits_mean": (lambda a, b: (a + b) / 2, LOGITS, {"heads": 2}),
        "logits_conv": (lambda z: z.amax((2, 3)), LOGITS, {"conv": True}),
        "log_softmax": (lambda z: z.log_softmax(1), LOGITS, {}),
        "log_of_softmax": (lambda z: torch.log(soft(z) + 1e-9), LOGITS, {}),
        "sigmoid": (torch.sigmoid, SIGMOIDS, {}),
        "sigmoid_half": (lambda z: torch.sigmoid(z.half()).float(), SIGMOIDS, {}),
        "sigmoid_clamp": (lambda z: torch.sigmoid(z).clamp(0, 1), SIGMOIDS, {}),
        "sigmoid_manual": (lambda z: 1 / (1 + torch.exp(-z)), SIGMOIDS, {}),
        "sigmoid_two": (torch.sigmoid, SIGMOIDS, {"classes": 2}),
        "sigmoid_tanh": (lambda z: (torch.tanh(z / 2) + 1) / 2, SIGMOIDS, {}),
        "sigmoid_mean": (lambda a, b: (a.sigmoid() + b.sigmoid()) / 2, SIGMOIDS, {"heads": 2}),
        "sigmoid_hard": (F.hardsigmoid, SIGMOIDS, {}),
    }
    dynamo = {"softmax", "softmax_half", "manual", "complement", "mean_of_three", "log_softmax_exp", "sigmoid_half", "logits"}
    x = torch.from_numpy(X)
    made = {}
    for name, (end, kind, options) in ends.items():
        model = Classifier(end, **options).eval()
        file = io.BytesIO()
        torch.onnx.export(model, (x,), file, dynamo=False, opset_version=17, input_names=["images"],
                          output_names=["scores"], dynamic_axes={"images": {0: "n"}})  # fmt: skip
        made[name] = onnx.load_from_string(file.getvalue())
        add("torch_" + name, made[name], kind)
        if name in dynamo:
            program = torch.onnx.export(model, (x,), dynamo=True, input_names=["images"], output_names=["scores"],
                                        dynamic_shapes={"x": {0: torch.export.Dim("n", min=1, max=64)}})  # fmt: skip
            graph = program.model_proto.graph
            for part in [graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer]:
                del part.metadata_props[:]  # they hold paths of the machine
            add("dynamo_" + name, program.model_proto, kind)
    return made


# ---------------------------------------------------------------- half precision and quantisation


def converted(made):
    from onnxconverter_common import float16
    from onnxruntime import quantization as q

    class Reader(q.CalibrationDataReader):
        def __init__(self):
            self.rest = iter([{"images": x[None]} for x in X])

        def get_next(self):
            return next(self.rest, None)

    kinds = {"softmax": PROBABILITIES, "manual": PROBABILITIES, "complement": PROBABILITIES, "conv_softmax": PROBABILITIES,
             "softmax_reshape": PROBABILITIES, "mean_of_three": PROBABILITIES,
             "logits": LOGITS, "log_softmax": LOGITS, "sigmoid": SIGMOIDS}  # fmt: skip
    work = pathlib.Path(os.environ.get("TMPDIR", "/tmp"))
    for name, kind in kinds.items():
        half = float16.convert_float_to_float16(onnx.ModelProto.FromString(made[name].SerializeToString()),
                                                keep_io_types=True)  # fmt: skip
        add("half_" + name, half, kind)
        source, target = work / "scores_in.onnx", work / "scores_out.onnx"
        onnx.save(made[name], source)
        for form, label in ((q.QuantFormat.QDQ, "qdq"), (q.QuantFormat.QOperator, "qop")):
            q.quantize_static(source, target, Reader(), quant_format=form)
            add(f"{label}_{name}", onnx.load(target), kind)
        q.quantize_dynamic(source, target)
        add("dynamic_" + name, onnx.load(target), kind)


# ---------------------------------------------------------------- TensorFlow


def from_tensorflow():
    import tensorflow as tf
    import tf2onnx

    tf.random.set_seed(14)
    k = tf.keras
    start = lambda: (lambda i: (i, k.layers.GlobalAveragePooling2D()(k.layers.Conv2D(6, 3, activation="relu")(i))))(
        k.Input((SIZE, SIZE, 3), name="images")
    )
    dense = lambda n, a=None: k.layers.Dense(n, activation=a, kernel_initializer=k.initializers.RandomNormal(0, 2, 1))
    ends = {
        "dense_softmax": (lambda f: dense(CLASSES, "softmax")(f), PROBABILITIES),
        "layer_softmax": (lambda f: k.layers.Softmax()(dense(CLASSES)(f)), PROBABILITIES),
        "softmax_float32": (lambda f: k.layers.Activation("softmax", dtype="float32")(dense(CLASSES)(f)), PROBABILITIES),
        "complement": (lambda f: (lambda p: k.layers.Concatenate()([1 - p, p]))(dense(1, "sigmoid")(f)), PROBABILITIES),
        "average": (
            lambda f: k.layers.Average()([dense(CLASSES, "softmax")(f), dense(CLASSES, "softmax")(f)]),
            PROBABILITIES,
        ),
        "softmax_reshape": (lambda f: k.layers.Reshape((CLASSES,))(dense(CLASSES, "softmax")(f)), PROBABILITIES),
        "logits": (lambda f: dense(CLASSES)(f), LOGITS),
        "log_softmax": (lambda f: k.layers.Activation("log_softmax")(dense(CLASSES)(f)), LOGITS),
        "sigmoid": (lambda f: dense(CLASSES, "sigmoid")(f), SIGMOIDS),
    }
    for name, (end, kind) in ends.items():
        images, features = start()
        model = k.Model(images, end(features))
        call = tf.function(lambda x, m=model: m(x, training=False))
        signature = [tf.TensorSpec((None, SIZE, SIZE, 3), tf.float32, name="images")]
        proto, _ = tf2onnx.convert.from_function(call, signature, opset=17, inputs_as_nchw=["images"])
        add("tf_" + name, proto, kind)


# ---------------------------------------------------------------- scikit-learn


def from_sklearn():
    from skl2onnx import to_onnx
    from sklearn import calibration, ensemble, linear_model, multiclass, naive_bayes, neural_network, svm, tree
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    n = 24
    y = rng.integers(0, 3, n)
    flat = rng.random((n, 3 * SIZE * SIZE)).astype(np.float32) * 0.5 + y[:, None].astype(np.float32) * 0.2
    names = np.array(["amd", "dr", "normal"])
    models = {
        "logistic": linear_model.LogisticRegression(max_iter=200),
        "ovr": multiclass.OneVsRestClassifier(linear_model.LogisticRegression(max_iter=200)),
        "mlp": neural_network.MLPClassifier((5,), max_iter=30),
        "forest": ensemble.RandomForestClassifier(4, max_depth=3),
        "tree": tree.DecisionTreeClassifier(max_depth=3),
        "boosting": ensemble.GradientBoostingClassifier(n_estimators=3, max_depth=2),
        "bayes": naive_bayes.GaussianNB(),
        "lda": LinearDiscriminantAnalysis(),
        "svc": svm.SVC(probability=True, C=0.1),
        "calibrated": calibration.CalibratedClassifierCV(svm.LinearSVC(), cv=2),
        "vote": ensemble.VotingClassifier(
            [("a", linear_model.LogisticRegression(max_iter=200)), ("b", naive_bayes.GaussianNB())], voting="soft", flatten_transform=False
        ),
    }
    for name, model in models.items():
        for zipmap, labels in ((True, names[y]), (False, y)):
            for two in (False, True):
                if two and name not in ("logistic", "mlp", "boosting"):
                    continue
                keep = y < 2 if two else y < 3
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    model.fit(flat[keep], labels[keep])
                proto = to_onnx(model, flat[:1], options={"zipmap": zipmap}, target_opset={"": 17, "ai.onnx.ml": 3})
                g = proto.graph
                inner = g.input[0].name
                g.input[0].CopyFrom(helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, SIZE, SIZE]))
                g.node.insert(0, helper.make_node("Reshape", ["images", "flat_shape"], [inner]))
                g.initializer.append(numpy_helper.from_array(np.array([-1, flat.shape[1]]), "flat_shape"))
                add(f"sklearn_{name}{'_two' if two else ''}{'_zipmap' if zipmap else ''}", proto, PROBABILITIES)


def reported():
    """Adds the files that somebody reported, reported_*.onnx, on x.png at their size."""
    x = Image.open(OUT / "x.png").convert("RGB").resize((16, 16), Image.Resampling.BICUBIC)
    x = (np.asarray(x, dtype=np.float32) / np.float32(255)).transpose(2, 0, 1)[None]
    for path in sorted(OUT.glob("reported_*.onnx")):
        compute(path.stem, path, SIGMOIDS if "sigmoid" in path.stem else PROBABILITIES, x)


OUT.mkdir(parents=True, exist_ok=True)
X = images()
converted(from_torch())
from_tensorflow()
from_sklearn()
reported()
(OUT / "golden.json").write_text(json.dumps(golden, indent=0) + "\n")
print(len(golden), "models,", sum(p.stat().st_size for p in OUT.iterdir()) // 1000, "kB")
