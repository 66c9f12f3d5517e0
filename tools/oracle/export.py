"""Compares what `trainer export` writes with programs that are not Fovea's.

    python tools/oracle/export.py COMMAND

    variants FOLDER IMAGES    compares fp16 and int8 with ONNX Runtime's own tools, on real images
    raw FOLDER IMAGES         compares the preparation inside the model with Pillow and torchvision
    card FOLDER IMAGE         runs the Python blocks of the model card
    opsets TRAINER MODEL      exports a run's model in every opset: ONNX's checker, the same logits
    history FILE              writes the changes of ONNX's operators, for a test of graphs/deploy

FOLDER is one that `trainer export -raw` wrote, IMAGES a folder with images at any depth. Each fails where Fovea's
result is worse than it should be. Needs requirements.txt.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic
from PIL import Image
from torchvision import transforms

ENDINGS = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"}


def session(model):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), options,
                                        providers=["CPUExecutionProvider"])


def describe(model):
    metadata = {p.key: p.value for p in onnx.load(model).metadata_props}
    return {key: json.loads(metadata[f"fovea.{name}"]) for key, name in
            {"classes": "classes", "size": "image_size", "crop": "crop_fraction", "mean": "mean", "std": "std"}.items()}


def images(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS)


def cropped(d, image):
    return transforms.CenterCrop(d["size"])(
        transforms.Resize(int(d["size"] / d["crop"]), interpolation=transforms.InterpolationMode.BICUBIC)(image))


def tensor(d, image):
    x = transforms.Compose([transforms.ToTensor(), transforms.Normalize(d["mean"], d["std"])])(cropped(d, image))
    return x.unsqueeze(0).numpy()


def scores(s, x):
    found = dict(zip([o.name for o in s.get_outputs()], s.run(None, {s.get_inputs()[0].name: x})))
    return found.get("logits", found["probabilities"]), found["probabilities"]


def variants(folder, pictures):
    from onnxruntime.transformers.float16 import convert_float_to_float16

    base = folder / "model.onnx"
    d = describe(base)
    x = np.concatenate([tensor(d, Image.open(p).convert("RGB")) for p in images(pictures)[:200]])
    logits, probabilities = scores(session(base), x)
    print(f"{base}: {len(x)} images, logits up to {np.abs(logits).max():.2f}")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        quantize_dynamic(base, scratch / "int8.onnx")
        quantize_dynamic(base, scratch / "int8_channel.onnx", per_channel=True)
        quantize_dynamic(base, scratch / "uint8_channel.onnx", per_channel=True, weight_type=QuantType.QUInt8)
        onnx.save(convert_float_to_float16(onnx.load(base), keep_io_types=True), scratch / "fp16.onnx")
        bad = False
        for ours, theirs in (("model_fp16.onnx", ["fp16.onnx"]),
                             ("model_int8.onnx", ["int8.onnx", "int8_channel.onnx", "uint8_channel.onnx"])):
            if not (folder / ours).exists():
                continue
            errors = []
            onnx.checker.check_model(onnx.load(folder / ours), full_check=True)
            for f in [folder / ours] + [scratch / t for t in theirs]:
                try:
                    l, p = scores(session(f), x)
                except Exception as e:  # ConvInteger has no kernel for signed weights
                    print(f"  {f.name}: does not run: {str(e).splitlines()[0][:100]}")
                    continue
                rms = float(np.sqrt(np.mean((l - logits) ** 2)))
                errors.append((f.name, rms))
                print(f"  {f.name:20} {f.stat().st_size / 1e6:8.2f} MB  "
                      f"logits: rms {rms:.2e}, largest {np.abs(l - logits).max():.2e}; "
                      f"probabilities: largest {np.abs(p - probabilities).max():.2e}; other classes: "
                      f"{(p.argmax(1) != probabilities.argmax(1)).sum()}")
            bad |= any(errors[0][1] > 1.05 * rms for _, rms in errors[1:])
    if bad:
        sys.exit("the error is larger than that of ONNX Runtime's own tool")


# Height, width: enlarged, reduced, both, odd, landscape, portrait, as they are.
SIZES = [(7, 9), (20, 31), (31, 20), (32, 32), (33, 47), (64, 48), (100, 101), (225, 300), (400, 225), (513, 511),
         (600, 1500), (1024, 1365)]


def raw(folder, pictures):
    model = folder / "model_raw.onnx"
    d = describe(model)
    m = onnx.load(model)
    pixels = next(n.output[0] for n in reversed(m.graph.node) if n.op_type == "Slice" and len(n.input) == 4
                  and any(x.op_type == "Resize" and x.output[0] == n.input[0] for x in m.graph.node))
    m.graph.output.append(onnx.helper.make_tensor_value_info(pixels, onnx.TensorProto.UINT8, None))
    s, plain = session(m.SerializeToString()), session(folder / "model.onnx")
    rng = np.random.default_rng(0)
    cases = [(p.name, Image.open(p).convert("RGB")) for p in images(pictures)[:100]]
    source = np.asarray(cases[0][1])
    for h, w in SIZES:
        cases.append((f"noise {h}x{w}", Image.fromarray(rng.integers(0, 256, (h, w, 3), dtype=np.uint8))))
        cases.append((f"image {h}x{w}", Image.fromarray(source).resize((w, h), Image.BILINEAR)))
    most, worst, off, total = 0, 0.0, 0, 0
    for name, image in cases:
        want = np.asarray(cropped(d, image)).astype(int)
        found = dict(zip([o.name for o in s.get_outputs()], s.run(None, {"image": np.asarray(image)})))
        got = found[pixels][0].transpose(1, 2, 0).astype(int)
        assert got.shape == want.shape, (name, got.shape)
        difference = np.abs(got - want)
        _, p = scores(plain, tensor(d, image))
        change = float(np.abs(found["probabilities"] - p).max())
        if difference.max() > 1 or change > 1e-3:
            print(f"  {name}: pixels differ by up to {difference.max()}, in {np.mean(difference > 0):.1%}; a "
                  f"probability by {change:.1e}")
        most, worst = max(most, int(difference.max())), max(worst, change)
        off, total = off + int((difference > 0).sum()), total + difference.size
    print(f"{model}: {len(cases)} images, pixels differ by at most {most} levels, {off / total:.2%} of them; a "
          f"probability by {worst:.1e}")
    if most > 1:
        sys.exit("a pixel differs by more than one level")


def card(folder, image):
    text = (folder / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    assert blocks and all(len(b.splitlines()) <= 15 for b in blocks), [len(b.splitlines()) for b in blocks]
    found = []
    for block in blocks:
        code = block.replace('"image.png"', repr(str(image.resolve())))
        command = [sys.executable, "-c", code]
        out = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
        found.append(eval(out))
        print(f"  {len(block.splitlines())} lines: {out.strip()}")
    d, s = describe(folder / "model.onnx"), session(folder / "model.onnx")
    _, p = scores(s, tensor(d, Image.open(image).convert("RGB")))
    for f in found:
        difference = max(abs(f[c] - float(v)) for c, v in zip(d["classes"], p[0]))
        print(f"  largest difference to Pillow, torchvision and model.onnx: {difference:.1e}")
        if difference > 1e-3:
            sys.exit("the card's code gives other probabilities")
    front = text.split("---")[1]
    try:
        import yaml
        print("  front matter:", sorted(yaml.safe_load(front)))
    except ImportError:
        print("  front matter was not parsed: there is no PyYAML")


def opsets(trainer, model):
    s = session(model)
    d = describe(model)
    x = np.random.default_rng(0).normal(size=(3, 3, d["size"], d["size"])).astype(np.float32)
    logits, _ = scores(s, x)
    for opset in range(13, 26):
        with tempfile.TemporaryDirectory() as out:
            subprocess.run([trainer.resolve(), "export", "-model", model, "-opset", str(opset), "-out", out]
                           + (["-raw"] if opset >= 18 else []), check=True, capture_output=True)
            found = []
            for f in sorted(pathlib.Path(out).glob("*.onnx")):
                m = onnx.load(f)
                onnx.checker.check_model(m, full_check=True)
                assert [(o.domain, o.version) for o in m.opset_import] == [("", opset)], m.opset_import
                if "raw" not in f.name:
                    found.append((f.name, float(np.abs(scores(session(f), x)[0] - logits).max())))
            print(f"  opset {opset}: " + ", ".join(f"{name} {off:.1e}" for name, off in found))
            if dict(found)["model.onnx"] > 1e-5 * np.abs(logits).max():
                sys.exit("the float32 model gives other logits")


def history(out):
    """Operators of opset 13, and the later opsets that changed more than an element type of one: inputs, outputs or
    attributes."""
    versions = {}
    for s in onnx.defs.get_all_schemas_with_history():
        if s.domain == "" and s.since_version <= 25:
            versions.setdefault(s.name, []).append(s)

    def form(s):
        return ([(str(i.option)) for i in s.inputs], [str(o.option) for o in s.outputs],
                sorted((k, str(v.type), v.required, v.default_value.SerializeToString())
                       for k, v in s.attributes.items()))

    result = {}
    for name, schemas in sorted(versions.items()):
        schemas.sort(key=lambda s: s.since_version)
        changed = [b.since_version for a, b in zip(schemas, schemas[1:]) if b.since_version > 7 and form(a) != form(b)]
        result[name] = {"first": schemas[0].since_version, "changed": changed}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(x)}" for name, x in result.items())
    out.write_text("{\n" + lines + "\n}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["variants", "raw", "card", "opsets", "history"])
    parser.add_argument("paths", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    globals()[args.what](*args.paths)


if __name__ == "__main__":
    main()
