"""Classifies images with Apache Beam, by a model of `trainer export -raw`. Flags of Beam's runner may follow.

    pip install apache-beam==2.77.0 onnxruntime==1.32.0 pillow==12.3.0
    python beam_predict.py export/model_raw.onnx 'IMAGES/*/*.png' OUT
"""

import io
import sys

import apache_beam as beam
import numpy as np
import onnxruntime
from apache_beam.io import fileio
from apache_beam.ml.inference.base import KeyedModelHandler, ModelHandler, PredictionResult, RunInference
from apache_beam.options.pipeline_options import PipelineOptions
from PIL import Image

model, images, out, *flags = sys.argv[1:]


class Classifier(ModelHandler):
    """It takes one image at a time, since images differ in size. Beam's own handler of ONNX stacks them."""

    def load_model(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run_inference(self, batch, session, inference_args=None):
        name = session.get_inputs()[0].name
        for pixels in batch:
            yield PredictionResult(pixels, session.run(["probabilities"], {name: pixels})[0].ravel())


def decode(file):
    return file.metadata.path, np.asarray(Image.open(io.BytesIO(file.read())).convert("RGB"))


def line(keyed):
    path, result = keyed
    return ",".join([path, *(repr(float(p)) for p in result.inference)])


with beam.Pipeline(options=PipelineOptions(flags)) as pipeline:
    (
        pipeline
        | fileio.MatchFiles(images)
        | fileio.ReadMatches()
        | beam.Map(decode)
        | RunInference(KeyedModelHandler(Classifier()))
        | beam.Map(line)
        | beam.io.WriteToText(out, file_name_suffix=".csv")
    )
