"""Classifies images with Ray Data, by a model of `trainer export -raw`.

    pip install "ray[data]==2.60.0" onnxruntime==1.32.0 pillow==12.3.0
    python ray_predict.py export/model_raw.onnx IMAGES OUT
"""

import io
import sys

import numpy as np
import onnxruntime
import ray
from PIL import Image

model, images, out = sys.argv[1:]


class Classifier:
    """Each worker opens the model once. It takes one image at a time, since images differ in size."""

    def __init__(self, threads=1):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name

    def __call__(self, row):
        pixels = np.asarray(Image.open(io.BytesIO(row["bytes"])).convert("RGB"))
        probabilities = self.session.run(["probabilities"], {self.input: pixels})[0].ravel()
        return {"path": row["path"], **{f"p{i}": float(p) for i, p in enumerate(probabilities)}}


if __name__ == "__main__":
    files = ray.data.read_binary_files(images, include_paths=True, file_extensions=["png", "jpg", "jpeg"])
    files.map(Classifier, concurrency=2).write_csv(out)
